// What ColumnEstimator takes over from statistics: only what does not contradict itself.
#include <algorithm>

#include <fmt/format.h>

#include "granary/storage/stats/column_estimator.h"
#include "granary/storage/stats/distribution_merge.h"
#include "granary/storage/stats/stats_builder.h"

namespace granary::storage {

ColumnEstimator::ColumnEstimator(const ColumnStats& stats)
    : rows_(stats.rows), may_have_nan_(stats.may_have_nan) {
  TakeNulls(stats);
  TakeBounds(stats);
  TakeValues(stats);
  TakeDistinct(stats);
  TakeDistribution(stats);
}

void ColumnEstimator::Distrust(std::string_view reason) {
  if (!distrusted_.empty()) distrusted_ += "; ";
  distrusted_ += reason;
}

void ColumnEstimator::TakeNulls(const ColumnStats& stats) {
  nulls_ = stats.nulls;
  if (!nulls_ || *nulls_ <= rows_) return;
  Distrust(fmt::format("{} nulls in {} rows", *nulls_, rows_));
  nulls_.reset();
}

void ColumnEstimator::TakeBounds(const ColumnStats& stats) {
  if (IsNanValue(stats.min) || IsNanValue(stats.max)) return Distrust("a bound is NaN");
  if (!IsNull(stats.min) && !IsNull(stats.max)) {
    if (stats.min.index() != stats.max.index()) return Distrust("the bounds are of two kinds");
    if (Compare(stats.min, stats.max) > 0) return Distrust("min is above max");
  }
  min_ = stats.min;
  max_ = stats.max;
  bounds_exact_ = stats.min_exact && stats.max_exact && !IsNull(min_) && !IsNull(max_);
  // A NaN is found among numbers only.
  const Value& bound = IsNull(min_) ? max_ : min_;
  if (!IsNull(bound) && !std::holds_alternative<double>(bound)) may_have_nan_ = false;
}

void ColumnEstimator::TakeValues(const ColumnStats& stats) {
  if (!stats.values) return;
  const auto& values = *stats.values;
  if (values.size() > kValueSetMax) return Distrust("the value set is too long");
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (IsNull(values[i])) return Distrust("there is a null in the value set");
    if (values[i].index() != values[0].index())
      return Distrust("the value set is of several kinds");
    if (i > 0 && Compare(values[i - 1], values[i]) >= 0)
      return Distrust("the value set is not in order");
    if (!IsNanValue(values[i]) && IsComparable(values[i]) && IsOutside(values[i]))
      return Distrust("the value set reaches beyond the bounds");
  }
  if (nulls_ && values.size() > rows_ - *nulls_) return Distrust("more values than rows");
  if (values.empty() && !HasNoValues()) return Distrust("no value, but rows that have one");
  values_ = values;
}

void ColumnEstimator::TakeDistinct(const ColumnStats& stats) {
  if (values_) {
    distinct_ = static_cast<double>(values_->size());
    return;
  }
  ColumnStats sketch_only{.rows = rows_, .nulls = nulls_, .distinct_sketch = stats.distinct_sketch};
  const auto estimate = DistinctEstimate(sketch_only);
  if (!estimate) {
    if (!stats.distinct_sketch.empty()) Distrust("the distinct sketch cannot be read");
    return;
  }
  // The sketch errs by some percent; there are no more values than rows.
  const auto values = static_cast<double>(rows_ - nulls_.value_or(0));
  distinct_ = std::clamp(static_cast<double>(*estimate), std::min(values, 1.0), values);
}

void ColumnEstimator::TakeDistribution(const ColumnStats& stats) {
  ColumnStats believed{.rows = rows_, .nulls = nulls_, .may_have_nan = stats.may_have_nan};
  believed.min = min_;
  believed.distribution = stats.distribution;
  std::string reason;
  distribution_ = DistributionOf(believed, reason);
  if (!reason.empty()) return Distrust(reason);
  if (!distribution_ || distribution_->described == 0) return distribution_.reset();
  double all = 0;
  for (const HistogramBucket& bucket : distribution_->buckets) {
    below_.push_back(all);
    all += ShareOf(bucket.rows);
  }
}

}  // namespace granary::storage
