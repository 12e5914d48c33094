// QueryTargets: which tenants a query over several is about, and where each of them is asked.
//
// Rule       those that are named, the active ones that are placed on the nodes that are named, or
//            all active ones that are placed. A tenant that cannot be
//            asked now is told with its reason: whether an answer without it will do, the query
//            says ("partial").
// Threads    pure but for looking at the fleet.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "granary/api/request_json.h"
#include "granary/base/status.h"
#include "granary/services/operation_node/desk.h"

namespace granary::operation {

struct QueryTarget {
  std::string tenant;
  std::string node;  ///< Its id, for the log.
  std::string url;
};

/// A tenant that an answer is without.
struct MissingTenant {
  std::string tenant;
  std::string reason;
  bool operator==(const MissingTenant&) const = default;
};

struct QueryTargets {
  std::vector<QueryTarget> targets;    ///< By tenant.
  std::vector<MissingTenant> missing;  ///< By tenant.
};

/// kNotFound at /tenants/<i> or /nodes/<i> for one that there is none of, whatever `partial` says; kTooLarge for
/// more than `tenants_max`. Where none may miss: kConflict for a suspended one, kUnavailable for one
/// without a node that lives, each with the tenant's name.
Result<QueryTargets> FindQueryTargets(const Desk& desk, const FleetView& view,
                                      const api::Spread& spread, std::uint64_t tenants_max);

}  // namespace granary::operation
