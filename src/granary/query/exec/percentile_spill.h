// PercentileSpill: exact percentiles of any number of values, within the query's share of memory.
//
// How        how many values each group has is known, so groups are put into pieces that fit, and
//            values are written to the pieces of their groups. A piece is loaded and selected from.
//            A group that is too large alone is cut by values drawn from it: counting how many lie
//            between each two tells which cuts hold the wanted places, and only those are gone on
//            with. A value that comes very often is a cut of its own, so it needs no memory.
// Promise    the same numbers as in memory, whatever order values come in (percentile_keys.h).
// Cost       each value is written once and read once; of a group that is too large, read twice.
//            Files are gone when it returns.
// Threads    one; looks at context.cancel before each page and each selection.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/grouped_values.h"
#include "granary/query/exec/query_context.h"
#include "granary/types/value.h"

namespace granary::query {

/// [i][group]: the percentile ps[i] of each group, null for one of no values. Blocks are of
/// doubles; counts[group] of its values are not null. Adds what it wrote to `spilled_bytes`.
/// Outgrown's failures when not even some kilobytes fit; SpillFile's.
Result<std::vector<std::vector<Value>>> SpilledPercentiles(std::span<const double> ps,
                                                           std::span<const std::uint64_t> counts,
                                                           const GroupedValues& values,
                                                           const QueryContext& context,
                                                           std::uint64_t& spilled_bytes);

}  // namespace granary::query
