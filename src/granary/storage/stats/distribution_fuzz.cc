// Distributions and column statistics of any bytes: what is accepted adds up, comes back from its
// own encoding, and is estimated with fractions.
#include <array>

#include "granary/base/check.h"
#include "granary/storage/stats/column_estimator.h"
#include "granary/storage/stats/distribution_merge.h"
#include "granary/storage/stats/stats_builder.h"
#include "granary/testing/fuzz_target.h"

namespace granary::storage {
namespace {

void CheckFraction(const Estimate& estimate) {
  GRANARY_CHECK(estimate.fraction >= 0 && estimate.fraction <= 1, "{}", estimate.fraction);
}

void CheckEstimates(const ColumnStats& stats) {
  const ColumnEstimator column(stats);
  const std::array<Value, 5> asked = {Value(std::int64_t{7}), Value(std::uint64_t{7}), Value(7.5),
                                      Value(Int128{7}), Value(std::string("seven"))};
  for (const Value& value : asked) {
    CheckFraction(column.Equal(value));
    CheckFraction(column.Range({value, RangeEdge::kOpen}, {}));
    CheckFraction(column.Range({}, {value, RangeEdge::kClosed}));
  }
  CheckFraction(column.In(asked));
  CheckFraction(column.Null());
  CheckFraction(column.Like("se%e_"));
}

void CheckDistribution(std::string_view bytes) {
  const auto decoded = DecodeDistribution(bytes);
  if (!decoded.ok()) return;
  std::uint64_t rows = decoded->nans;
  for (const CommonValue& common : decoded->common) rows += common.rows;
  for (const HistogramBucket& bucket : decoded->buckets) rows += bucket.rows;
  GRANARY_CHECK(rows == decoded->described, "{} of {}", rows, decoded->described);
  const auto again = DecodeDistribution(EncodeDistribution(*decoded));
  GRANARY_CHECK(again.ok(), "{}", again.status().ToString());
  GRANARY_CHECK(*again == *decoded);
  ColumnStats stats{.rows = decoded->described, .nulls = 0};
  stats.distribution = std::string(bytes);
  CheckEstimates(stats);
  if (decoded->described < UINT64_MAX / 2) CheckEstimates(MergeStats(stats, stats));
}

}  // namespace
}  // namespace granary::storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  granary::storage::CheckDistribution(bytes);
  if (const auto stats = granary::storage::DecodeStats(bytes); stats.ok()) {
    granary::storage::CheckEstimates(*stats);
  }
  return 0;
}
