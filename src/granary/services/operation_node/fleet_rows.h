// What an Operation Node keeps of the fleet, and the rows of the metadata store that hold it.
//
//   kind        key           holds
//   tenant      its id        Tenant
//   placement   the tenant    Placement: where it is served
//   quota       the tenant    Quota, when one was set
//   node        its id        Node
//   scaling     "policy"      FleetPolicy, when one was set
//   operation   its id        Claim, of an Operation Node that shares the store with others
//   decision    "d000"…       a FleetDecision that was made; the oldest is overwritten
//
// Later      members that a later version adds are passed over when they are read.
// Threads    values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::operation {

inline constexpr std::string_view kTenantKind = "tenant";
inline constexpr std::string_view kPlacementKind = "placement";
inline constexpr std::string_view kQuotaKind = "quota";
inline constexpr std::string_view kNodeKind = "node";
inline constexpr std::string_view kScalingKind = "scaling";
inline constexpr std::string_view kDecisionKind = "decision";
inline constexpr std::string_view kClaimKind = "operation";
inline constexpr std::string_view kPolicyKey = "policy";

enum class TenantState : std::uint8_t { kActive, kSuspended, kDeleting };
std::string_view TenantStateName(TenantState state);
std::optional<TenantState> ParseTenantState(std::string_view name);

struct Tenant {
  std::string name;
  TenantState state = TenantState::kActive;
  bool keeps_data = false;  ///< Of one that is being deleted.
  std::int64_t created_us = 0;
  std::int64_t changed_us = 0;
  bool operator==(const Tenant&) const = default;
};

struct Placement {
  std::string node;         ///< Its id.
  std::string launched_by;  ///< The Operation Node that runs it; empty: it runs on its own.
  std::string reason;       ///< Why there.
  std::int64_t since_us = 0;
  std::uint64_t turn = 0;  ///< Grows with each move: a launched node then starts anew.
  bool operator==(const Placement&) const = default;
};

/// Nothing: as the node itself is set up.
struct Quota {
  std::optional<std::uint64_t> sources;    ///< MAX_SOURCES
  std::optional<std::uint64_t> memory_mb;  ///< MEMORY_LIMIT_MB
  std::optional<std::uint64_t> workers;    ///< MAX_WORKERS
  std::optional<std::uint64_t> searches;   ///< MAX_CONCURRENT_SEARCHES
  bool operator==(const Quota&) const = default;
};

/// As its node measured it last.
struct NodeLoad {
  double cpu_percent = 0;
  double memory_percent = 0;
  double queue_delay_ms = 0;
  std::uint64_t queued = 0;
  std::uint64_t workers = 0;
  bool operator==(const NodeLoad&) const = default;
};

/// A tenant whose deletion a node has carried out, by its Tenant::changed_us.
struct GoneTenant {
  std::string id;
  std::int64_t changed_us = 0;
  bool operator==(const GoneTenant&) const = default;
};

struct Node {
  std::string url;                   ///< Empty: it was launched and has not told it yet.
  std::string key_digest;            ///< SHA-256 of its key, in hexadecimal digits.
  std::string launched_by;           ///< As Placement::launched_by.
  std::vector<std::string> tenants;  ///< That it serves, as it says.
  std::uint64_t capacity = 1;        ///< Tenants that it can serve.
  bool follows = false;              ///< It opens and closes them as it is told.
  std::string version;               ///< Of its program.
  bool draining = false;
  std::int64_t seen_us = 0;  ///< A heartbeat; later ones may be known elsewhere.
  NodeLoad load;
  bool operator==(const Node&) const = default;

  /// Of NODE_CAPACITY above 1. Whoever only says that it has room for many is left to itself.
  bool IsShared() const { return capacity > 1 && follows; }
};

/// Which copy of an Operation Node is at work: identity_claim.h.
struct Claim {
  std::string instance;
  std::string where;
  std::uint64_t turn = 0;  ///< Grows while it lives.
  bool operator==(const Claim&) const = default;
};

std::string TenantBody(const Tenant& tenant);
std::string PlacementBody(const Placement& placement);
std::string QuotaBody(const Quota& quota);
std::string NodeBody(const Node& node);
std::string ClaimBody(const Claim& claim);

// kCorruption for a body that none of these functions wrote.
Result<Tenant> ReadTenant(std::string_view body);
Result<Placement> ReadPlacement(std::string_view body);
Result<Quota> ReadQuota(std::string_view body);
Result<Node> ReadNode(std::string_view body);
Result<Claim> ReadClaim(std::string_view body);

}  // namespace granary::operation
