// AggregateSpill: an aggregate whose groups, or the values that count_distinct and percentile hold,
// outgrow the query's share of memory.
//
// How        every lane writes its rows, only the values that the aggregate needs, to pages of a
//            temporary file, parted by a hash of the groups. Then one part after the other is
//            aggregated as it would have been: lane by lane, each lane's rows in their order, lanes
//            merged in order. A part that is too large still is parted again by further bits of the
//            hash. The finished groups of each part are one sorted run; the answer is their merge.
//            A part of few groups, or of one, that holds too many values is aggregated without
//            them, and they are counted and selected from by themselves (distinct_spill.h,
//            percentile_spill.h), for which their order does not matter.
// Promise    the same answer to the last bit, floats and the order of groups included: each group's
//            state takes the same rows in the same order, and groups keep the place where they were
//            first met.
// Cost       each row is written and read once, and once more for each time its part is parted;
//            read once more for each column of values.
// Threads    may use context.pool; the sink is called from the calling thread.
#pragma once

#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/aggregate_plan.h"
#include "granary/query/exec/aggregate_table.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/exec/source_scan.h"

namespace granary::query {

/// Of whole segments, which are no morsels, `known` says what there is to say: only without groups.
/// Lane i of `lanes` has the morsels i, i + lanes, … context.memory and context.spill are there.
/// kTooLarge when the state of one group alone, values not counted, is too large; the errors of
/// SpillFile; the sink's.
Status SpillAggregate(const AggregateRequest& request, const AggregatePlan& plan,
                      const AggregateTable& known, const std::vector<Morsel>& morsels,
                      std::size_t lanes, const QueryContext& context, const AggregateSink& sink,
                      QueryStats& stats);

}  // namespace granary::query
