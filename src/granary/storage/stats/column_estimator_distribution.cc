// ColumnEstimator: what it makes of common values and a histogram.
#include <algorithm>
#include <iterator>
#include <limits>

#include "granary/storage/stats/column_estimator.h"

namespace granary::storage {

double ColumnEstimator::ShareOf(std::uint64_t described_rows) const {
  return static_cast<double>(described_rows) / static_cast<double>(distribution_->described);
}

double ColumnEstimator::Unseen() const {
  const Distribution& known = *distribution_;
  return known.sampled == known.described ? 0 : 0.5 / static_cast<double>(known.sampled);
}

Estimate ColumnEstimator::EqualByDistribution(const Value& value) const {
  const Distribution& known = *distribution_;
  if (IsNanValue(value)) {
    return OfValues(std::max(ShareOf(known.nans), Unseen()), EstimateBasis::kCommonValues);
  }
  const auto common = std::lower_bound(
      known.common.begin(), known.common.end(), value,
      [](const CommonValue& a, const Value& b) { return Compare(a.value, b) < 0; });
  if (common != known.common.end() && Compare(common->value, value) == 0)
    return OfValues(ShareOf(common->rows), EstimateBasis::kCommonValues);

  // The others share what is left equally, as far as their bucket lets them: one that has room for
  // few values has more of each.
  const double all = below_.empty() ? 0 : below_.back() + ShareOf(known.buckets.back().rows);
  const double counted = static_cast<double>(known.common.size()) + (known.nans > 0 ? 1 : 0);
  const double others = std::max(distinct_.value_or(1 / kDefaultEqual) - counted, 1.0);
  double share = std::max(all, Unseen()) / others;
  const auto bucket = std::lower_bound(
      known.buckets.begin(), known.buckets.end(), value,
      [](const HistogramBucket& a, const Value& b) { return Compare(a.upper, b) < 0; });
  if (bucket == known.buckets.end() || Compare(value, known.lower) < 0) {
    share = std::min(share, Unseen());
  } else {
    const bool first = bucket == known.buckets.begin();
    const auto steps = StepsBetween(first ? known.lower : std::prev(bucket)->upper, bucket->upper);
    if (steps) {
      const double least = ShareOf(bucket->rows) / (*steps + (first ? 1 : 0));
      if (least > 2 * share) share = least;  // Less is the noise of the sample.
    }
    share = std::min(share, ShareOf(bucket->rows));
  }
  for (const CommonValue& each : known.common) share = std::min(share, ShareOf(each.rows));
  return OfValues(share, EstimateBasis::kHistogram);
}

double ColumnEstimator::HistogramUpTo(const Value& value, RangeEdge edge) const {
  const Distribution& known = *distribution_;
  if (known.buckets.empty()) return 0;
  const auto bucket = std::lower_bound(
      known.buckets.begin(), known.buckets.end(), value,
      [](const HistogramBucket& a, const Value& b) { return Compare(a.upper, b) < 0; });
  if (bucket == known.buckets.end()) return below_.back() + ShareOf(known.buckets.back().rows);
  const bool first = bucket == known.buckets.begin();
  const Value& low = first ? known.lower : std::prev(bucket)->upper;
  const RangeEdge low_edge = first ? RangeEdge::kClosed : RangeEdge::kOpen;
  const auto at = static_cast<std::size_t>(bucket - known.buckets.begin());
  return below_[at] + ShareOf(bucket->rows) * ShareUpTo(value, edge, low, low_edge, bucket->upper);
}

Estimate ColumnEstimator::RangeByDistribution(const RangeEnd& low, const RangeEnd& high) const {
  const Distribution& known = *distribution_;
  const auto inside = [&](const Value& value) {
    return IsAbove(value, low) && IsBelow(value, high);
  };
  double share = 0;
  for (const CommonValue& common : known.common) {
    if (inside(common.value)) share += ShareOf(common.rows);
  }
  if (!known.buckets.empty()) {
    const Value& last = known.buckets.back().upper;
    const RangeEdge below = low.edge == RangeEdge::kClosed ? RangeEdge::kOpen : RangeEdge::kClosed;
    const double from = IsNull(low.value) ? 0 : HistogramUpTo(low.value, below);
    const double to = IsNull(high.value) ? HistogramUpTo(last, RangeEdge::kClosed)
                                         : HistogramUpTo(high.value, high.edge);
    share += std::max(to - from, 0.0);
  }
  if (known.nans > 0 && inside(std::numeric_limits<double>::quiet_NaN()))
    share += ShareOf(known.nans);
  return OfValues(std::max(share, Unseen()), EstimateBasis::kHistogram);
}

}  // namespace granary::storage
