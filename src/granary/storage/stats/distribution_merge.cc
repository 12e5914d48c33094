#include "granary/storage/stats/distribution_merge.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace granary::storage {
namespace {

std::size_t KindOf(const Distribution& distribution) {
  if (!distribution.common.empty()) return distribution.common[0].value.index();
  return distribution.lower.index();
}

void Scatter(const Distribution& from, std::vector<Observations::Seen>& points) {
  for (const CommonValue& common : from.common) points.push_back({common.value, common.rows, 0});
  const Value* below = &from.lower;
  for (const HistogramBucket& bucket : from.buckets) {
    const std::uint64_t half = bucket.rows / 2;
    if (half > 0) points.push_back({*below, 0, half});
    points.push_back({bucket.upper, 0, bucket.rows - half});
    below = &bucket.upper;
  }
}

/// Sorts them, and makes one of those with the same value.
std::vector<Observations::Seen> Gather(std::vector<Observations::Seen> points) {
  std::sort(points.begin(), points.end(),
            [](const Observations::Seen& a, const Observations::Seen& b) {
              return Compare(a.value, b.value) < 0;
            });
  std::vector<Observations::Seen> gathered;
  for (Observations::Seen& point : points) {
    if (gathered.empty() || Compare(gathered.back().value, point.value) != 0) {
      gathered.push_back(std::move(point));
      continue;
    }
    gathered.back().exactly += point.exactly;
    gathered.back().about += point.about;
  }
  return gathered;
}

}  // namespace

Distribution MergeDistributions(std::span<const Distribution> inputs,
                                std::optional<double> distinct) {
  Observations seen;
  seen.distinct = distinct;
  std::size_t kind = 0;
  std::vector<Observations::Seen> points;
  for (const Distribution& input : inputs) {
    if (input.described == 0) continue;
    const std::size_t its_kind = KindOf(input);
    if (kind != 0 && its_kind != 0 && its_kind != kind) continue;
    if (its_kind != 0) kind = its_kind;
    Scatter(input, points);
    seen.nans += input.nans;
    seen.described += input.described;
    seen.sampled += input.sampled;
  }
  seen.values = Gather(std::move(points));
  return Distil(std::move(seen));
}

std::optional<Distribution> DistributionOf(const ColumnStats& stats, std::string& reason) {
  reason.clear();
  if (stats.distribution.empty()) return std::nullopt;
  auto decoded = DecodeDistribution(stats.distribution);
  if (!decoded.ok()) {
    reason = decoded.status().message();
    return std::nullopt;
  }
  const Distribution& known = *decoded;
  const std::uint64_t nulls = stats.nulls.value_or(0);
  const std::uint64_t values = nulls > stats.rows ? 0 : stats.rows - nulls;
  if (known.described > values) {
    reason = fmt::format("the distribution is of {} values, of {} in all", known.described, values);
  } else if (known.described < values - values / 2) {
    reason = fmt::format("the distribution is of {} of {} values only", known.described, values);
  } else if (known.nans > 0 && !stats.may_have_nan) {
    reason = "the distribution counts NaN where there is none";
  } else if (const std::size_t kind = KindOf(known);
             kind != 0 && !IsNull(stats.min) && kind != stats.min.index()) {
    reason = "the distribution is of another kind of values";
  }
  return reason.empty() ? std::optional(decoded.Take()) : std::nullopt;
}

}  // namespace granary::storage
