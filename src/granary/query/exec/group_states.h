// GroupStates: the groups of an AggregateTable and the states of their aggregates as bytes, for
// another process that merges them with those of others (merged_groups.h).
//
// Shape      pages, each of which can be added by itself, in any order:
//   1  groups  u32 n, then n times a value for each group column (EncodeValue), then of each
//              aggregate that holds no values the n states (Accumulator::PutStates)
//   2  values  of one aggregate that holds them: u32 which, u32 n, n groups as above, u32 m, then m
//              times u32 which of the n, and the value
// Version    kGroupStatesVersion; whoever changes what PutStates writes counts it up.
// Promise    the table that pages are added to is what it would be if the rows behind them had been
//            added; sums of floats up to the order of additions.
// Trust      AddGroupStates believes nothing: a page that PutGroupStates cannot have written is
//            kCorruption. The table is of no use then.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/query/exec/aggregate_plan.h"
#include "granary/query/exec/aggregate_table.h"
#include "granary/runtime/cancel.h"

namespace granary::query {

inline constexpr std::uint32_t kGroupStatesVersion = 1;
/// A page is about this long at most, unless one group alone is longer.
inline constexpr std::size_t kStatesPageBytes = 256u << 10;

using StatesSink = std::function<Status(std::string_view page)>;

/// Calls `sink` with all of the table, page by page. The sink's failure; looks at `cancel` between
/// pages.
Status PutGroupStates(const AggregatePlan& plan, AggregateTable& table,
                      const runtime::CancelToken& cancel, const StatesSink& sink);

/// Adds a page to a table of the same plan.
Status AddGroupStates(std::string_view page, const AggregatePlan& plan,
                      const runtime::CancelToken& cancel, AggregateTable& table);

}  // namespace granary::query
