#include "granary/services/operation_node/node_health.h"

#include <algorithm>

#include <fmt/format.h>

namespace granary::operation {

std::string_view NodeStateName(NodeState state) {
  switch (state) {
    case NodeState::kStarting: return "starting";
    case NodeState::kAlive: return "alive";
    case NodeState::kSuspect: return "suspect";
    case NodeState::kDead: break;
  }
  return "dead";
}

NodeHealth JudgeNode(const HealthInputs& inputs, const HealthLimits& limits) {
  if (inputs.seen_us == 0) return {NodeState::kStarting, "never heard of yet"};
  const auto ago_ms = [&](std::int64_t since_us) {
    return std::max<std::int64_t>(0, (inputs.now_us - since_us) / 1000);
  };
  const std::int64_t silent_ms = ago_ms(inputs.seen_us);
  std::string reason = fmt::format("heard of {:.1f} s ago", static_cast<double>(silent_ms) / 1000);
  if (silent_ms < limits.suspect_ms) return {NodeState::kAlive, std::move(reason)};
  // Of the silence only what somebody could have heard.
  const std::int64_t heard_ms = std::min(silent_ms, ago_ms(inputs.listening_us));
  if (heard_ms >= limits.dead_ms) return {NodeState::kDead, std::move(reason)};
  if (heard_ms < silent_ms)
    reason += fmt::format("; listening for {:.1f} s", static_cast<double>(heard_ms) / 1000);
  return {NodeState::kSuspect, std::move(reason)};
}

}  // namespace granary::operation
