// GroupedValues: the values of one column, which are not null, and the group of each, a block at a
// time and as often as somebody asks; what count_distinct and percentile are computed from when
// their states outgrow the query's share (distinct_spill.h, percentile_spill.h).
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "granary/base/status.h"
#include "granary/query/exec/value_block.h"

namespace granary::query {

/// Row rows[i] of `values` is in the group groups[rows[i]]; rows that are not named are null.
using GroupedValuesSink = std::function<Status(
    const ValueBlock& values, const std::uint32_t* groups, std::span<const std::int32_t> rows)>;

/// Goes through all of them, in any order, and ends with the first failure.
using GroupedValues = std::function<Status(const GroupedValuesSink& each)>;

}  // namespace granary::query
