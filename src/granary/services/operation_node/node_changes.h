// What may become of nodes, as changes of the fleet.
//
// Whose      a node's id belongs to the key that came with its first heartbeat, or that it was
//            launched with: nobody else can speak for it, or take its tenants' requests.
// Threads    pure but for the desk's clocks and book, which are fully safe.
#pragma once

#include <string>

#include "granary/base/status.h"
#include "granary/services/operation_node/bodies.h"
#include "granary/services/operation_node/desk.h"

namespace granary::operation {

/// kPermissionDenied when the node's id is of another key, kCorruption when its row cannot be read.
Status CheckKey(const FleetView& now, const std::string& node, const Heartbeat& beat);

/// kInvalidArgument for a node with so many tenants that no row holds them.
Status CheckFits(const Heartbeat& beat);

/// What of a heartbeat must be written down: that the node is new, or says something else of itself
/// than before; and tenants that are adopted. No changes: nothing. CheckKey's errors,
/// kQuotaExceeded.
Result<Fleet::Changes> DecideHeartbeat(const Desk& desk, const FleetView& now,
                                       const std::string& node, const Heartbeat& beat);

/// kNotFound, FleetView::CheckRow's.
Result<const Kept<Node>*> NeedNode(const FleetView& now, const std::string& node);
/// A node that is being drained gets no new tenants; those that it has stay until they are moved.
/// kNotFound, kConflict for a launched one.
Result<Fleet::Changes> DecideDraining(const FleetView& now, const std::string& node, bool draining);
/// kNotFound; kConflict for one that lives, which would come back, was launched, or has tenants.
Result<Fleet::Changes> DecideRemoval(const Desk& desk, const FleetView& now,
                                     const std::string& node);

}  // namespace granary::operation
