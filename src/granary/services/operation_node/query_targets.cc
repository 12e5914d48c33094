#include "granary/services/operation_node/query_targets.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace granary::operation {
namespace {

/// Where the tenant is, or why nowhere.
struct Place {
  QueryTarget target;
  Status why_not;
};

Place PlaceOf(const Desk& desk, const FleetView& view, const std::string& id) {
  Place out;
  out.target.tenant = id;
  const auto refuse = [&](Code code, std::string reason) {
    out.why_not = {code, std::move(reason)};
    return out;
  };
  out.why_not = view.CheckTenant(id);
  if (!out.why_not.ok()) return out;
  const TenantState state = view.FindTenant(id)->value.state;
  if (state != TenantState::kActive)
    return refuse(Code::kConflict, fmt::format("it is {}", TenantStateName(state)));
  const auto* placement = view.FindPlacement(id);
  const auto* row = placement == nullptr ? nullptr : view.FindNode(placement->value.node);
  if (row == nullptr) return refuse(Code::kUnavailable, "no node serves it yet");
  const NodeNow node = LookAtNode(desk, placement->value.node, row->value, 0);
  if (node.node.url.empty()) return refuse(Code::kUnavailable, "its node is starting");
  if (node.health.state == NodeState::kDead)
    return refuse(Code::kUnavailable, fmt::format("its node is dead: {}", node.health.reason));
  if (IsOutOfReach(desk, node.node, Asker::kHere))
    return refuse(Code::kUnavailable, "only its own machine reaches its node (LAUNCH_HOST)");
  out.target.node = placement->value.node;
  out.target.url = node.node.url;
  return out;
}

Status CheckNodes(const FleetView& view, const api::Spread& spread) {
  for (std::size_t i = 0; i < spread.nodes.size(); ++i) {
    const std::string& id = spread.nodes[i].str();
    if (view.FindNode(id) != nullptr || !view.CheckRow(kNodeKind, id).ok()) continue;
    return Status::Invalid(Code::kNotFound, fmt::format("/nodes/{}", i),
                           fmt::format("there is no node '{}'", id));
  }
  return Status::Ok();
}

bool IsOnANamedNode(const api::Spread& spread, const std::string& node) {
  return spread.nodes.empty() || std::ranges::any_of(spread.nodes, [&](const TenantId& named) {
           return named.str() == node;
         });
}

}  // namespace

Result<QueryTargets> FindQueryTargets(const Desk& desk, const FleetView& view,
                                      const api::Spread& spread, std::uint64_t tenants_max) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < spread.tenants.size(); ++i) {
    const std::string& id = spread.tenants[i].str();
    if (view.FindTenant(id) == nullptr && view.CheckTenant(id).ok()) {
      return Status::Invalid(Code::kNotFound, fmt::format("/tenants/{}", i),
                             fmt::format("there is no tenant '{}'", id));
    }
    ids.push_back(id);
  }
  GRANARY_TRY(CheckNodes(view, spread));
  if (spread.tenants.empty()) {
    // Those whose state or place nobody can tell may be meant, too.
    const auto damaged = view.DamagedTenants();
    ids.assign(damaged.begin(), damaged.end());
    for (const auto& [id, tenant] : view.tenants()) {
      const auto* placement = view.FindPlacement(id);
      const bool is_meant = tenant.value.state == TenantState::kActive && placement != nullptr &&
                            !damaged.contains(id) && IsOnANamedNode(spread, placement->value.node);
      if (is_meant) ids.push_back(id);
    }
  }
  if (ids.size() > tenants_max) {
    return Status::Invalid(
        Code::kTooLarge, spread.nodes.empty() ? "/tenants" : "/nodes",
        fmt::format("the query is about {} tenants, allowed are {} (MAX_QUERY_TENANTS)", ids.size(),
                    tenants_max));
  }
  std::sort(ids.begin(), ids.end());
  QueryTargets out;
  for (const std::string& id : ids) {
    Place place = PlaceOf(desk, view, id);
    if (place.why_not.ok()) {
      out.targets.push_back(std::move(place.target));
    } else if (spread.may_miss) {
      out.missing.push_back({id, std::string(place.why_not.message())});
    } else {
      return Status(place.why_not.code(),
                    fmt::format("tenant '{}': {}", id, place.why_not.message()));
    }
  }
  return out;
}

}  // namespace granary::operation
