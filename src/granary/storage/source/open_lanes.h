// OpenLanes: every lane that holds frames, or is to take some, opened and replayed.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "granary/storage/source/live_source.h"
#include "granary/storage/source/store_context.h"

namespace granary::storage {

WalLaneOptions LaneOptions(StoreContext& context, std::uint32_t lane);

/// Fills `context.lanes` and the sources' hot tiers, and refuses the sources that lost records.
/// Returns the uids whose frames must stay although no source of this store has them (see Replay).
Result<std::set<SourceUid>> OpenLanes(StoreContext& context,
                                      const std::vector<std::shared_ptr<LiveSource>>& sources);

/// Syncs every lane in which frames wait for it. A failure closes the lane, and is logged.
void SyncLanes(const StoreContext& context);

}  // namespace granary::storage
