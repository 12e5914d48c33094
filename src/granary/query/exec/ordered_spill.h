// OrderedSpill: an ordered search whose rows outgrow the query's share of memory.
//
// How        each morsel is a sorted run: its best `limit` rows (all without one) with their keys
//            and the columns to show, in pages of a temporary file. Runs are merged; where there
//            are more than fit side by side, some into one first. Rows go to the sink as the merge
//            comes to them.
// Memory     a morsel per worker while runs are written, then a page of each run and a batch of
//            rows.
// Promise    the rows that a search in memory gives, in the same order.
// Threads    may use context.pool; the sink is called from the calling thread.
#pragma once

#include <optional>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/morsel_keys.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/exec/search.h"
#include "granary/query/exec/search_plan.h"
#include "granary/query/exec/search_position.h"

namespace granary::query {

/// As SearchOrdered. context.spill is there. The errors of SpillFile; kTooLarge and kOverloaded
/// when a page of each run does not fit.
Status SpillOrdered(const SearchPlan& plan, const std::vector<RankedMorsel>& morsels,
                    std::optional<std::uint64_t> limit, const std::optional<Shown>& shown,
                    const QueryContext& context, const SearchSink& sink,
                    std::optional<OrderedPosition>* next, QueryStats& stats);

}  // namespace granary::query
