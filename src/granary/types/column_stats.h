// ColumnStats: what is known about one column of one segment (or row group, or source) without
// reading it. Everything is optional knowledge: absent means unknown, never "none".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "granary/types/value.h"

namespace granary {

inline constexpr std::size_t kValueSetMax = 64;    ///< Distinct values kept whole up to here.
inline constexpr std::size_t kBoundMaxBytes = 64;  ///< Longer string bounds are truncated.

struct ColumnStats {
  std::uint64_t rows = 0;
  std::optional<std::uint64_t> nulls;
  /// Over values that are neither null nor NaN; null when there are none or nothing is known.
  /// `min_exact`/`max_exact` say whether some row has that very value: a truncated bound only
  /// bounds.
  Value min;
  Value max;
  bool min_exact = false;
  bool max_exact = false;
  /// True when a NaN may be there.
  bool may_have_nan = true;
  /// All distinct non-null values (NaN included), sorted, when at most kValueSetMax and short.
  std::optional<std::vector<Value>> values;
  /// HyperLogLog registers (storage/stats/distinct_sketch.h); empty when unknown.
  std::string distinct_sketch;
  /// Common values and histogram (storage/stats/distribution.h); empty when unknown.
  std::string distribution;

  bool operator==(const ColumnStats&) const = default;
};

}  // namespace granary
