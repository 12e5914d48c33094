// MergeStats, ConvertStats, DistinctEstimate (stats_builder.h): knowledge about sets of rows,
// combined.
#include <algorithm>
#include <limits>
#include <vector>

#include "granary/storage/stats/distinct_sketch.h"
#include "granary/storage/stats/distribution_merge.h"
#include "granary/storage/stats/stats_builder.h"
#include "granary/storage/stats/value_hash.h"
#include "granary/storage/stats/value_position.h"

namespace granary::storage {
namespace {

bool HasNoValues(const ColumnStats& stats) { return stats.nulls == stats.rows; }

/// True when min and max are null because there is nothing to bound, not because nothing is known.
bool HasNothingToBound(const ColumnStats& stats) {
  return HasNoValues(stats) ||
         (stats.values && std::all_of(stats.values->begin(), stats.values->end(), IsNanValue));
}

/// What was collected has an exact maximum beside its NaN, or NaN alone in its value set; what was
/// deleted since has neither, nor has what is unknown.
bool HasNan(const ColumnStats& stats) {
  if (stats.values) return !stats.values->empty() && IsNanValue(stats.values->back());
  return stats.may_have_nan && stats.max_exact && std::holds_alternative<double>(stats.max);
}

struct Bound {
  Value value;
  bool exact = false;
};

/// The lower of two lower bounds, or with `sign` -1 the higher of two upper ones.
Bound Outer(const Bound& a, const Bound& b, int sign) {
  if (a.value.index() != b.value.index() || IsNull(a.value)) return {};
  const auto order = Compare(a.value, b.value);
  if (order == 0) return {a.value, a.exact || b.exact};
  return (sign > 0) == (order < 0) ? a : b;
}

/// After `merged.may_have_nan`.
void MergeBounds(const ColumnStats& a, const ColumnStats& b, ColumnStats& merged) {
  Bound min = Outer({a.min, a.min_exact}, {b.min, b.min_exact}, 1);
  Bound max = Outer({a.max, a.max_exact}, {b.max, b.max_exact}, -1);
  if (HasNothingToBound(a) || HasNothingToBound(b)) {
    const ColumnStats& bounded = HasNothingToBound(a) ? b : a;
    min = {bounded.min, bounded.min_exact};
    max = {bounded.max, bounded.max_exact};
  }
  merged.min = std::move(min.value);
  merged.min_exact = min.exact;
  merged.max = std::move(max.value);
  merged.max_exact = max.exact && (!merged.may_have_nan || HasNan(a) || HasNan(b));
}

std::optional<DistinctSketch> SketchOf(const ColumnStats& stats) {
  DistinctSketch sketch;
  if (HasNoValues(stats)) return sketch;
  if (stats.values) {
    for (const Value& value : *stats.values) sketch.Add(HashValue(value));
    return sketch;
  }
  auto decoded = DistinctSketch::Decode(stats.distinct_sketch);
  return decoded.ok() ? std::optional(decoded.Take()) : std::nullopt;
}

std::optional<std::vector<Value>> ValuesOf(const ColumnStats& stats) {
  return HasNoValues(stats) ? std::vector<Value>() : stats.values;
}

void MergeDistinct(const ColumnStats& a, const ColumnStats& b, ColumnStats& merged) {
  const auto left = ValuesOf(a);
  const auto right = ValuesOf(b);
  if (left && right) {
    std::vector<Value> both;
    std::set_union(left->begin(), left->end(), right->begin(), right->end(),
                   std::back_inserter(both),
                   [](const Value& x, const Value& y) { return Compare(x, y) < 0; });
    if (both.size() <= kValueSetMax) {
      merged.values = std::move(both);
      return;
    }
  }
  auto sketch = SketchOf(a);
  const auto other = SketchOf(b);
  if (!sketch || !other) return;
  sketch->Merge(*other);
  merged.distinct_sketch = sketch->Encode();
}

/// Equal values of both types have one hash (value_hash.h).
bool HashesAlike(const DataType& from, const DataType& to) {
  return from == to || (from.IsInteger() && to.IsInteger()) || (from.IsFloat() && to.IsFloat());
}

std::optional<std::vector<Value>> ConvertAll(const std::vector<Value>& values, const DataType& from,
                                             const DataType& to) {
  std::vector<Value> converted;
  converted.reserve(values.size());
  for (const Value& value : values) {
    auto held = ConvertValue(value, from, to);
    if (!held) return std::nullopt;
    converted.push_back(*std::move(held));
  }
  return converted;
}

/// What is known of half of the values or more is taken for all of them.
std::string MergedDistribution(std::span<const ColumnStats* const> parts,
                               const ColumnStats& merged) {
  std::vector<Distribution> known;
  std::uint64_t described = 0;
  std::string reason;
  for (const ColumnStats* part : parts) {
    auto distribution = DistributionOf(*part, reason);
    if (!distribution) continue;
    described += distribution->described;
    known.push_back(*std::move(distribution));
  }
  const std::uint64_t values = merged.rows - std::min(merged.nulls.value_or(0), merged.rows);
  if (known.empty() || described < values - values / 2) return {};
  std::optional<double> distinct;
  if (const auto estimate = DistinctEstimate(merged)) distinct = static_cast<double>(*estimate);
  return EncodeDistribution(MergeDistributions(known, distinct));
}

std::string ConvertedDistribution(const ColumnStats& stats, const DataType& from,
                                  const DataType& to) {
  std::string reason;
  auto known = DistributionOf(stats, reason);
  if (!known) return {};
  bool fits = true;
  const auto convert = [&](Value& value) {
    auto held = ConvertValue(value, from, to);
    fits = fits && held.has_value();
    if (held) value = *std::move(held);
  };
  for (CommonValue& common : known->common) convert(common.value);
  if (!known->buckets.empty()) convert(known->lower);
  for (HistogramBucket& bucket : known->buckets) convert(bucket.upper);
  return fits ? EncodeDistribution(*known) : std::string();
}

/// All but the distribution.
ColumnStats MergePair(const ColumnStats& a, const ColumnStats& b) {
  if (a.rows == 0) return b;
  if (b.rows == 0) return a;
  ColumnStats merged{.rows = a.rows + b.rows};
  if (a.nulls && b.nulls) merged.nulls = *a.nulls + *b.nulls;
  merged.may_have_nan = (a.may_have_nan && !HasNoValues(a)) || (b.may_have_nan && !HasNoValues(b));
  MergeBounds(a, b, merged);
  MergeDistinct(a, b, merged);
  return merged;
}

}  // namespace

ColumnStats MergeAllStats(std::span<const ColumnStats* const> parts) {
  ColumnStats merged{.nulls = 0, .may_have_nan = false};
  std::vector<const ColumnStats*> with_rows;
  for (const ColumnStats* part : parts) {
    if (part->rows == 0 && merged.rows > 0) continue;
    if (part->rows > 0) with_rows.push_back(part);
    merged = MergePair(merged, *part);
  }
  if (with_rows.size() < 2) return merged;  // Its own distribution, or none.
  merged.distribution = MergedDistribution(with_rows, merged);
  return merged;
}

ColumnStats MergeStats(const ColumnStats& a, const ColumnStats& b) {
  const ColumnStats* const both[] = {&a, &b};
  return MergeAllStats(both);
}

ColumnStats ConvertStats(const ColumnStats& stats, const DataType& from, const DataType& to) {
  if (from == to) return stats;
  ColumnStats converted{
      .rows = stats.rows, .nulls = stats.nulls, .may_have_nan = stats.may_have_nan};
  if (auto min = ConvertValue(stats.min, from, to)) {
    converted.min = *std::move(min);
    converted.min_exact = stats.min_exact;
  }
  if (auto max = ConvertValue(stats.max, from, to)) {
    converted.max = *std::move(max);
    converted.max_exact = stats.max_exact;
  }
  if (stats.values) converted.values = ConvertAll(*stats.values, from, to);
  if (HashesAlike(from, to)) converted.distinct_sketch = stats.distinct_sketch;
  converted.distribution = ConvertedDistribution(stats, from, to);
  return converted;
}

ColumnStats WithoutSketches(const ColumnStats& stats) {
  return {.rows = stats.rows,
          .nulls = stats.nulls,
          .min = stats.min,
          .max = stats.max,
          .min_exact = stats.min_exact,
          .max_exact = stats.max_exact,
          .may_have_nan = stats.may_have_nan,
          .values = stats.values};
}

Value LeastValue(const ColumnStats& stats) {
  if (stats.min_exact) return stats.min;
  const bool only_nan = stats.values && stats.values->size() == 1 && HasNan(stats);
  return only_nan ? stats.values->front() : Value();
}

Value GreatestValue(const ColumnStats& stats) {
  if (HasNan(stats)) return std::numeric_limits<double>::quiet_NaN();
  const bool below_nan = stats.may_have_nan && std::holds_alternative<double>(stats.max);
  return stats.max_exact && !below_nan ? stats.max : Value();
}

std::optional<std::uint64_t> DistinctEstimate(const ColumnStats& stats) {
  if (HasNoValues(stats)) return 0;
  if (stats.values) return stats.values->size();
  const auto sketch = SketchOf(stats);
  return sketch ? std::optional(sketch->Estimate()) : std::nullopt;
}

}  // namespace granary::storage
