#include "granary/services/operation_node/fleet_policy.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace granary::operation {
namespace {

bool IsHot(const FleetNode& node, const FleetPolicy& policy) {
  return node.cpu_percent >= policy.cpu_up_percent ||
         node.memory_percent >= policy.memory_up_percent ||
         node.queue_delay_ms >= policy.queue_delay_up_ms;
}

bool IsCool(const FleetNode& node, const FleetPolicy& policy) {
  return node.cpu_percent < policy.cpu_down_percent &&
         node.memory_percent < policy.memory_down_percent &&
         node.queue_delay_ms < policy.queue_delay_up_ms;
}

std::string Heat(const FleetNode& node) {
  return fmt::format("node '{}' has {:.0f} % CPU, {:.0f} % memory, {:.0f} ms of queue", node.id,
                     node.cpu_percent, node.memory_percent, node.queue_delay_ms);
}

// Whether the tenants of all find room when the emptiest node is gone.
bool FitsWithout(const FleetNode& gone, const FleetLoad& load) {
  std::uint64_t room = 0;
  for (const FleetNode& node : load.nodes)
    if (&node != &gone) room += node.capacity - std::min(node.capacity, node.tenants);
  return gone.tenants <= room;
}

FleetDecision Wait(std::uint64_t nodes, std::string reason) {
  return {FleetStep::kHold, nodes, std::move(reason)};
}

std::optional<FleetDecision> WithinBounds(std::uint64_t nodes, const FleetPolicy& policy) {
  if (nodes < policy.nodes_min) {
    return FleetDecision{FleetStep::kGrow, policy.nodes_min,
                         fmt::format("{} nodes are fewer than nodes_min", nodes)};
  }
  if (nodes > policy.nodes_max) {
    return FleetDecision{FleetStep::kShrink, policy.nodes_max,
                         fmt::format("{} nodes are more than nodes_max", nodes)};
  }
  return std::nullopt;
}

FleetDecision ForWaiting(const FleetLoad& load, const FleetPolicy& policy) {
  const std::uint64_t nodes = load.nodes.size();
  const std::uint64_t wanted =
      std::min(policy.nodes_max, nodes + std::min(load.waiting_tenants, kFleetNodesMax));
  if (wanted == nodes) {
    return Wait(nodes, fmt::format("{} tenants wait for a node, and there are nodes_max of them",
                                   load.waiting_tenants));
  }
  return {FleetStep::kGrow, wanted,
          fmt::format("{} tenants wait for a node", load.waiting_tenants)};
}

FleetDecision ForHot(const FleetNode& hottest, std::uint64_t nodes, const FleetPolicy& policy) {
  if (hottest.tenants < 2) {
    return Wait(nodes, Heat(hottest) +
                           ": it serves one tenant, whom another node cannot help; its own "
                           "workers grow");
  }
  if (nodes >= policy.nodes_max) return Wait(nodes, Heat(hottest) + ", and there are nodes_max");
  return {FleetStep::kGrow, nodes + 1,
          Heat(hottest) + fmt::format(" and serves {} tenants", hottest.tenants)};
}

FleetDecision ForCool(const FleetLoad& load, const FleetPolicy& policy) {
  const std::uint64_t nodes = load.nodes.size();
  const auto emptiest = std::ranges::min_element(load.nodes, {}, [](const FleetNode& node) {
    return std::pair(node.tenants, node.cpu_percent);
  });
  if (emptiest == load.nodes.end() || nodes <= policy.nodes_min)
    return Wait(nodes, "no node is hot, and there are no more than nodes_min");
  if (!std::ranges::all_of(load.nodes, [&](const auto& node) { return IsCool(node, policy); }))
    return Wait(nodes, "no node is hot, and not all are cool");
  if (!FitsWithout(*emptiest, load)) {
    return Wait(nodes, fmt::format("all are cool, but the others have no room for the {} tenants "
                                   "of '{}'",
                                   emptiest->tenants, emptiest->id));
  }
  return {FleetStep::kShrink, nodes - 1,
          fmt::format("all are cool: '{}' can be drained, the others have room for its {} tenants",
                      emptiest->id, emptiest->tenants)};
}

}  // namespace

std::string_view FleetStepName(FleetStep step) {
  if (step == FleetStep::kGrow) return "grow";
  return step == FleetStep::kShrink ? "shrink" : "hold";
}

FleetDecision DecideFleet(const FleetLoad& load, const FleetPolicy& policy,
                          const std::optional<FleetChange>& last) {
  const std::uint64_t nodes = load.nodes.size();
  if (!policy.enabled) return Wait(nodes, "the policy is not enabled");
  if (const auto bounded = WithinBounds(nodes, policy)) return *bounded;
  // Who waits has nothing at all, so nothing is waited for.
  if (load.waiting_tenants > 0) return ForWaiting(load, policy);
  if (last && last->ago_s < static_cast<std::int64_t>(policy.cooldown_seconds)) {
    const std::uint64_t wanted =
        std::max(policy.nodes_min, std::min(policy.nodes_max, last->nodes_wanted));
    return Wait(wanted, fmt::format("the last change is {} s ago: what it does is awaited for {} s",
                                    last->ago_s, policy.cooldown_seconds));
  }
  // Of the hot ones first those that more nodes can help.
  const FleetNode* hottest = nullptr;
  for (const FleetNode& node : load.nodes) {
    if (!IsHot(node, policy)) continue;
    const auto rank = [](const FleetNode& one) {
      return std::tuple(one.tenants >= 2, one.cpu_percent, one.memory_percent);
    };
    if (hottest == nullptr || rank(node) > rank(*hottest)) hottest = &node;
  }
  return hottest != nullptr ? ForHot(*hottest, nodes, policy) : ForCool(load, policy);
}

}  // namespace granary::operation
