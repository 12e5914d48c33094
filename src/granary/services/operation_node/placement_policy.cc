#include "granary/services/operation_node/placement_policy.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace granary::operation {
namespace {

// Why a node cannot take the tenant; empty when it can.
std::string Objection(const PlacementCandidate& node, const PlacementWish& wish) {
  if (!wish.node.empty() && node.node != wish.node) return "another one was asked for";
  const bool is_starting = node.may_start && node.state == NodeState::kStarting;
  if (node.state != NodeState::kAlive && !is_starting)
    return fmt::format("it is {}", NodeStateName(node.state));
  if (node.draining) return "it is being drained";
  if (node.has_tenant) return {};
  if (node.is_launched) return "it was launched for another tenant, or elsewhere";
  if (node.placed >= node.capacity)
    return fmt::format("it serves {} of {} tenants", node.placed, node.capacity);
  return {};
}

auto RankOf(const PlacementCandidate& node) {
  return std::tuple(!node.has_tenant, node.state != NodeState::kAlive, node.placed,
                    node.cpu_percent, node.node);
}

std::string ReasonOf(const PlacementCandidate& node, const PlacementWish& wish) {
  if (!wish.node.empty()) return "it was asked for";
  if (node.has_tenant) return "it has the tenant already";
  return fmt::format("of those with room it serves the fewest tenants: {} of {}", node.placed,
                     node.capacity);
}

}  // namespace

PlacementChoice PickNode(const std::vector<PlacementCandidate>& candidates,
                         const PlacementWish& wish) {
  PlacementChoice out;
  const PlacementCandidate* best = nullptr;
  for (const PlacementCandidate& node : candidates) {
    if (std::string objection = Objection(node, wish); !objection.empty()) {
      out.passed_over.push_back({node.node, std::move(objection)});
      continue;
    }
    if (best != nullptr && RankOf(node) >= RankOf(*best)) {
      out.passed_over.push_back({node.node, "another one is better"});
      continue;
    }
    if (best != nullptr) out.passed_over.push_back({best->node, "another one is better"});
    best = &node;
  }
  if (best != nullptr) {
    out.kind = PlacementChoice::Kind::kNode;
    out.node = best->node;
    out.reason = ReasonOf(*best, wish);
    return out;
  }
  if (!wish.node.empty()) {
    const auto asked = std::ranges::find(out.passed_over, wish.node, &PassedOver::node);
    out.reason = asked == out.passed_over.end()
                     ? fmt::format("there is no node '{}'", wish.node)
                     : fmt::format("the node '{}' cannot take it: {}", wish.node, asked->reason);
    return out;
  }
  if (wish.may_launch) {
    out.kind = PlacementChoice::Kind::kLaunch;
    out.reason = candidates.empty() ? "there is no other node" : "no other node can take it";
    return out;
  }
  out.reason = fmt::format("no node can take it, and none is launched: {}", wish.why_no_launch);
  return out;
}

}  // namespace granary::operation
