// What may become of tenants, as changes of the fleet: decided over the fleet as it is, committed
// by Fleet::Change.
//
// Data       is where its node is; no change here carries any from one machine to another. So a
//            tenant moves only to a node that says that it has it, or as the caller says, without.
//            It never moves away from a node that was launched for it: the folder would be left
//            behind, for the next tenant of that id to find.
// Threads    pure but for the desk's clocks and book, which are fully safe.
#pragma once

#include <optional>
#include <string>

#include "granary/base/status.h"
#include "granary/services/operation_node/desk.h"
#include "granary/services/operation_node/placement_policy.h"

namespace granary::operation {

struct NewTenant {
  std::string id;
  std::string name;
  std::string node;  ///< Where it shall be; empty: where there is room.
  std::optional<Quota> quota;
};

struct Move {
  std::string node;           ///< Empty: whichever has it.
  bool without_data = false;  ///< It begins empty there.
};

/// Where a tenant would be placed now, and why.
PlacementChoice ChooseNode(const Desk& desk, const FleetView& now, const std::string& tenant,
                           const std::string& wished);

/// No changes: it is there already, just so. kConflict: it is, but otherwise, or the wished node
/// cannot take it; kQuotaExceeded. A tenant that no node can take is created, and waits for one.
Result<Fleet::Changes> DecideCreate(const Desk& desk, const FleetView& now, const NewTenant& wish);
/// kNotFound; kConflict for one that is being deleted. No changes: it is so already.
Result<Fleet::Changes> DecideSuspend(const Desk& desk, const FleetView& now,
                                     const std::string& tenant);
Result<Fleet::Changes> DecideResume(const Desk& desk, const FleetView& now,
                                    const std::string& tenant);
/// kConflict, saying why, when it cannot go there.
Result<Fleet::Changes> DecideMove(const Desk& desk, const FleetView& now, const std::string& tenant,
                                  const Move& move);
/// Of a tenant whose node was launched the rows go once the node has ended, of one that the gateway
/// or the catalog is to forget once they have (NodeKeeper); of any other at once. Where no node was
/// launched, the data stays with its node. kConflict for one that would be adopted again.
Result<Fleet::Changes> DecideDelete(const Desk& desk, const FleetView& now,
                                    const std::string& tenant, bool keeps_data);
Result<Fleet::Changes> DecideQuota(const FleetView& now, const std::string& tenant,
                                   const Quota& quota);
/// Whether it is active and has no place. One whose rows cannot be read does not wait: nobody knows.
bool IsWaiting(const FleetView& now, const std::string& tenant, const Tenant& row);
/// Places for tenants that wait for one, as far as there are any.
Result<Fleet::Changes> DecideWaiting(const Desk& desk, const FleetView& now);

/// The id of the node that an Operation Node launches for a tenant.
std::string LaunchedNodeId(const std::string& operation_node, const std::string& tenant);
/// What is kept of a node's key.
std::string KeyDigest(const std::string& key);

/// kNotFound.
Result<const Kept<Tenant>*> NeedTenant(const FleetView& now, const std::string& tenant);

}  // namespace granary::operation
