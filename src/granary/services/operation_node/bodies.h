// The bodies of an Operation Node's requests and answers.
//
// Errors     refusals have their pointer; unknown members are refused.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/services/operation_node/desk.h"
#include "granary/services/operation_node/tenant_changes.h"

namespace granary::operation {

inline constexpr std::size_t kTenantsOfANodeMax = 10'000;

Result<NewTenant> ParseNewTenant(std::string_view body);
Result<Quota> ParseQuota(std::string_view body);
/// An empty body is an empty object.
Result<Move> ParseMove(std::string_view body);

/// What a node says of itself: PUT /nodes/{id}.
struct Heartbeat {
  std::string key;
  std::string url;
  std::vector<std::string> tenants;
  bool follows = false;          ///< It said `gone`.
  std::vector<GoneTenant> gone;  ///< Whom it let go of, as it was told: their deletion can end.
  std::uint64_t capacity = 1;
  std::string version;
  NodeLoad load;
};
Result<Heartbeat> ParseHeartbeat(std::string_view body);

/// A load over time, for POST /scaling/simulate.
struct SimulatedRound {
  std::int64_t at_seconds = 0;
  FleetLoad load;
};
struct Simulation {
  FleetPolicy policy;
  std::vector<SimulatedRound> rounds;
};
inline constexpr std::size_t kRoundsMax = 1'000;
Result<Simulation> ParseSimulation(std::string_view body, const FleetPolicy& policy_now);

/// Members that are not given stay as they are.
Result<FleetPolicy> ParsePolicyChange(std::string_view body, const FleetPolicy& now);

std::string QuotaJson(const std::string& tenant, const Quota& quota);
/// What a node is told when it beats: whom it serves, and all that a node with many needs to know of
/// them.
std::string HeartbeatAnswer(const FleetView& view, const std::string& node,
                            std::int64_t heartbeat_seconds);
std::string TenantJson(const Desk& desk, const FleetView& view, const std::string& id,
                       const Tenant& tenant);
/// Where a tenant is served: for the Auth Gateway. No URL when that is out of its reach.
std::string PlacementJson(const Desk& desk, const FleetView& view, const std::string& tenant_id,
                          const Tenant& tenant, Asker asker);
/// With the active tenants that were placed there, when they are given.
std::string NodeJson(const Desk& desk, const std::string& id, const NodeNow& node,
                     const std::vector<std::string>* active_tenants = nullptr);
std::string DecisionJson(const MadeDecision& made);

}  // namespace granary::operation
