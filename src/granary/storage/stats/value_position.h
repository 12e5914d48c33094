// Where a value stands between two others of its column, for interpolation.
//
// Exact      integers, decimals, dates and times are subtracted as integers of 128 bits; only the
//            quotient is a double. Text goes by the eight bytes that follow what both ends share,
//            in base 256.
// Threads    pure.
// Source     interpolation within a bucket as in PostgreSQL's ineq_histogram_selectivity and
//            convert_to_scalar (src/backend/utils/adt/selfuncs.c), which take values as evenly
//            spread there.
#pragma once

#include <cstdint>
#include <optional>

#include "granary/types/value.h"

namespace granary::storage {

inline bool IsNanValue(const Value& value) {
  const auto* real = std::get_if<double>(&value);
  return real != nullptr && *real != *real;
}

/// Whether a bound itself belongs to what it bounds.
enum class RangeEdge : std::uint8_t { kOpen, kClosed };

/// The share, 0 to 1, of evenly spread values between `low` (of which `low_edge` tells whether it
/// is one of them) and `high`, closed, that are below `value`, or with `edge` closed, at most it.
/// All three are of one kind and not null, and `low` is at most `high`.
double ShareUpTo(const Value& value, RangeEdge edge, const Value& low, RangeEdge low_edge,
                 const Value& high);

/// How many values can be above `low` and at most `high`; nothing where they are not counted: for
/// texts and real numbers that differ.
std::optional<double> StepsBetween(const Value& low, const Value& high);

}  // namespace granary::storage
