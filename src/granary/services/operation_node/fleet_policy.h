// FleetPolicy: how many nodes a fleet should have. Decided by a pure function of what nodes report,
// so that a decision can be looked at, replayed and tried out (POST /scaling/simulate).
//
// Who acts   the number is GET /scaling's and the metric granary_fleet_nodes_wanted, for whatever
//            makes machines: a Kubernetes autoscaler, an EC2 Auto Scaling group, a person. Nodes
//            that an Operation Node launches itself follow from placements.
// Units      percent of a node; milliseconds; seconds.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/api/json_node.h"
#include "granary/base/status.h"

namespace granary::operation {

struct FleetPolicy {
  bool enabled = true;
  std::uint64_t nodes_min = 0, nodes_max = 16;
  double cpu_up_percent = 70, cpu_down_percent = 30;
  double memory_up_percent = 80, memory_down_percent = 40;
  double queue_delay_up_ms = 100;  ///< A node whose tasks wait for so long is hot too.
  std::uint64_t cooldown_seconds = 300;
  bool operator==(const FleetPolicy&) const = default;
};

/// A node that answers, is not being drained, and runs on its own.
struct FleetNode {
  std::string id;
  std::uint64_t tenants = 0;   ///< That are placed there.
  std::uint64_t capacity = 1;  ///< Of tenants.
  double cpu_percent = 0, memory_percent = 0, queue_delay_ms = 0;
  bool operator==(const FleetNode&) const = default;
};

struct FleetLoad {
  std::vector<FleetNode> nodes;
  std::uint64_t waiting_tenants = 0;  ///< Active ones that no node serves.
  bool operator==(const FleetLoad&) const = default;
};

enum class FleetStep : std::uint8_t { kHold, kGrow, kShrink };
std::string_view FleetStepName(FleetStep step);

struct FleetDecision {
  FleetStep step = FleetStep::kHold;
  std::uint64_t nodes_wanted = 0;
  std::string reason;
  bool operator==(const FleetDecision&) const = default;
};

/// A decision that was made, with what it was made of.
struct MadeDecision {
  std::uint64_t number = 0;  ///< From 1.
  std::int64_t at_us = 0;
  FleetDecision decision;
  FleetLoad load;
  bool operator==(const MadeDecision&) const = default;
};

/// The last growth or shrinking. What it asked for is asked for until its cool-down is over:
/// whatever makes machines may look once in a minute.
struct FleetChange {
  std::int64_t ago_s = 0;
  std::uint64_t nodes_wanted = 0;
};

/// `last`: nothing when there was none.
FleetDecision DecideFleet(const FleetLoad& load, const FleetPolicy& policy,
                          const std::optional<FleetChange>& last);

// Limits of what a request may say.
inline constexpr std::uint64_t kFleetNodesMax = 10'000;

/// Members that are not given stay as in `base`. Refusals with their pointer, below `pointer`.
Result<FleetPolicy> ParseFleetPolicy(const api::JsonNode& node, const std::string& pointer,
                                     const FleetPolicy& base);
Result<FleetLoad> ParseFleetLoad(const api::JsonNode& node, const std::string& pointer);

std::string FleetPolicyJson(const FleetPolicy& policy);
std::string FleetLoadJson(const FleetLoad& load);
/// kCorruption for what FleetPolicyJson did not write.
Result<FleetPolicy> ReadFleetPolicy(std::string_view body);
std::string MadeDecisionBody(const MadeDecision& made);
Result<MadeDecision> ReadMadeDecision(std::string_view body);

}  // namespace granary::operation
