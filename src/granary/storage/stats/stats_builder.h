// Column statistics: collected from batches as they are written, merged over segments, and coded
// for the manifest.
//
// Threads    one thread a builder.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/types/column_stats.h"

namespace granary::storage {

class StatsBuilder {
 public:
  explicit StatsBuilder(DataType type);
  ~StatsBuilder();
  StatsBuilder(StatsBuilder&&) noexcept;
  StatsBuilder& operator=(StatsBuilder&&) noexcept;

  /// `array` is of the type's Arrow shape. A list is counted (rows, nulls) only.
  void Add(const arrow::Array& array);
  ColumnStats Finish() const;
  /// Cheaper by the sorting of a sample.
  ColumnStats FinishWithoutDistribution() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Statistics of the union of two sets of rows. Unknown in one is unknown in both. Where a NaN may be
/// there that no row is known to have, no maximum is exact.
ColumnStats MergeStats(const ColumnStats& a, const ColumnStats& b);
/// Of many: cheaper, and their distributions are merged at once (distribution_merge.h).
ColumnStats MergeAllStats(std::span<const ColumnStats* const> parts);
/// The same knowledge about a column whose type was widened; what cannot be converted becomes
/// unknown.
ColumnStats ConvertStats(const ColumnStats& stats, const DataType& from, const DataType& to);
/// What pruning uses: all but sketch and distribution, which are long to copy.
ColumnStats WithoutSketches(const ColumnStats& stats);
/// The least and the greatest value as searches order them, NaN above all numbers; null where there is
/// none or no row is known to have it. The bounds of `stats` leave NaN out: they are for pruning.
Value LeastValue(const ColumnStats& stats);
Value GreatestValue(const ColumnStats& stats);
/// The estimate of the sketch, or the size of the value set when that is known.
std::optional<std::uint64_t> DistinctEstimate(const ColumnStats& stats);

void EncodeStats(const ColumnStats& stats, std::string& out);
Result<ColumnStats> DecodeStats(std::string_view bytes);

}  // namespace granary::storage
