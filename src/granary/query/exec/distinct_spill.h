// DistinctSpill: count_distinct of any number of values, within the query's share of memory.
//
// How        values are parted by a hash of value and group into pages of a temporary file, and
//            then counted part by part; a part that is too large still is parted again by further
//            bits of the hash. A value that comes often is held once.
// Promise    the same counts as in memory: NaN is one value, -0.0 is 0.0, nulls do not count.
// Cost       each value is written and read once, and once more each time its part is parted. Files
//            are gone when it returns.
// Threads    one; looks at context.cancel before each page.
#pragma once

#include <cstdint>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/accumulator.h"
#include "granary/query/exec/grouped_values.h"
#include "granary/query/exec/query_context.h"

namespace granary::query {

/// How many distinct values each of the groups 0 … groups - 1 has. Adds what it wrote to
/// `spilled_bytes`. Outgrown's failures when not even a part of some kilobytes fits; SpillFile's.
Result<std::vector<std::int64_t>> CountDistinct(const AggregateShape& shape, std::size_t groups,
                                                const GroupedValues& values,
                                                const QueryContext& context,
                                                std::uint64_t& spilled_bytes);

}  // namespace granary::query
