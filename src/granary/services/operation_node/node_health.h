// NodeHealth: whether a node lives, judged by when it was last heard of.
//
// Fair       silence counts only while there was somebody to hear it: a node is not dead because
//            the Operation Node was away.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace granary::operation {

enum class NodeState : std::uint8_t {
  kStarting,  ///< Launched, and never heard of yet.
  kAlive,
  kSuspect,  ///< Silent for longer than it should be. Nothing new is placed there.
  kDead,     ///< Silent for so long that it is taken for gone.
};
std::string_view NodeStateName(NodeState state);

struct HealthLimits {
  std::int64_t suspect_ms = 10'000;
  std::int64_t dead_ms = 30'000;
};

struct HealthInputs {
  std::int64_t seen_us = 0;       ///< The last heartbeat; 0: none ever.
  std::int64_t listening_us = 0;  ///< Since when heartbeats are heard.
  std::int64_t now_us = 0;
};

struct NodeHealth {
  NodeState state = NodeState::kAlive;
  std::string reason;  ///< "heard of 0.4 s ago"
};

NodeHealth JudgeNode(const HealthInputs& inputs, const HealthLimits& limits);

}  // namespace granary::operation
