#include "granary/storage/stats/distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <limits>
#include <numeric>

#include "granary/storage/stats/distribution_merge.h"
#include "granary/storage/stats/stats_builder.h"
#include "granary/storage/stats/stats_test_support.h"
#include "granary/storage/stats/value_sample.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Value Int(std::int64_t value) { return value; }

ColumnStats StatsOf(const DataType& type, const std::vector<Value>& values) {
  StatsBuilder builder(type);
  builder.Add(*sample::ArrayOf(type, values));
  return builder.Finish();
}

Distribution DistributionOfValues(const DataType& type, const std::vector<Value>& values) {
  std::string reason;
  auto made = DistributionOf(StatsOf(type, values), reason);
  EXPECT_TRUE(made.has_value()) << reason;
  return made.value_or(Distribution());
}

std::uint64_t RowsOf(const Distribution& distribution) {
  std::uint64_t rows = distribution.nans;
  for (const CommonValue& common : distribution.common) rows += common.rows;
  for (const HistogramBucket& bucket : distribution.buckets) rows += bucket.rows;
  return rows;
}

/// Each of `values` once.
Observations Ascending(std::int64_t values) {
  Observations seen{.described = static_cast<std::uint64_t>(values),
                    .sampled = static_cast<std::uint64_t>(values)};
  for (std::int64_t i = 0; i < values; ++i) seen.values.push_back({Int(i), 1, 0});
  return seen;
}

TEST(DistributionTest, BucketsOfDifferentValuesAreEquallyDeep) {
  const Distribution made = Distil(Ascending(6400));
  EXPECT_TRUE(made.common.empty());
  ASSERT_EQ(made.buckets.size(), kHistogramBuckets);
  EXPECT_EQ(made.lower, Int(0));
  EXPECT_EQ(made.buckets.back().upper, Int(6399));
  for (const HistogramBucket& bucket : made.buckets) EXPECT_EQ(bucket.rows, 100u);
}

TEST(DistributionTest, CommonValuesAndBucketsStayWithinTheirLimits) {
  for (const std::int64_t distinct : {1, 63, 64, 65, 128, 129, 5000}) {
    Observations seen = Ascending(distinct);
    for (auto& value : seen.values)
      value.exactly = 1 + static_cast<std::uint64_t>(std::get<std::int64_t>(value.value) % 90);
    seen.described = seen.sampled = std::accumulate(
        seen.values.begin(), seen.values.end(), std::uint64_t{0},
        [](std::uint64_t sum, const Observations::Seen& value) { return sum + value.exactly; });
    const std::uint64_t rows = seen.described;
    const Distribution made = Distil(std::move(seen));
    EXPECT_LE(made.common.size(), kCommonValuesMax);
    EXPECT_LE(made.buckets.size(), kHistogramBuckets);
    EXPECT_EQ(RowsOf(made), rows);
    if (distinct <= 64) {
      EXPECT_EQ(made.common.size(), static_cast<std::size_t>(distinct));
    }
    EXPECT_TRUE(DecodeDistribution(EncodeDistribution(made)).ok()) << distinct;
  }
}

TEST(DistributionTest, CountsOfASampleAreScaledToAllRows) {
  Observations seen;
  for (std::int64_t i = 0; i < 500; ++i) seen.values.push_back({Int(i), 1, 0});
  seen.values[7].exactly = 501;
  seen.described = 1'000'003;
  seen.sampled = 1000;
  seen.distinct = 40'000;
  const Distribution made = Distil(std::move(seen));
  ASSERT_EQ(made.common.size(), 1u);
  EXPECT_EQ(made.common[0].value, Int(7));
  EXPECT_NEAR(static_cast<double>(made.common[0].rows), 501'000, 1000);
  EXPECT_EQ(RowsOf(made), 1'000'003u);
}

TEST(DistributionTest, AValueThatCameTwiceByChanceIsNotCommon) {
  Observations seen;
  for (std::int64_t i = 0; i < 1000; ++i) seen.values.push_back({Int(i), 1, 0});
  for (std::int64_t i = 0; i < 20; ++i) seen.values[static_cast<std::size_t>(i) * 50].exactly = 2;
  seen.described = 1'000'000;
  seen.sampled = 1020;
  seen.distinct = 100'000;
  EXPECT_TRUE(Distil(std::move(seen)).common.empty());
}

TEST(DistributionTest, EveryTypeIsDescribedWhole) {
  sample::Generator random(testing::SeedFromEnvironment());
  for (const DataType& type : sample::ScalarTypes()) {
    for (const std::int64_t rows : {0, 1, 90, 3000}) {
      SCOPED_TRACE(type.ToString());
      const auto values = sample::RandomValues(random, type, static_cast<std::size_t>(rows));
      const ColumnStats stats = StatsOf(type, values);
      if (type.kind() == TypeKind::kJson) {
        EXPECT_EQ(stats.distribution, "") << "nobody compares documents by their text";
        continue;
      }
      if (stats.nulls == stats.rows) continue;
      std::string reason;
      const auto made = DistributionOf(stats, reason);
      ASSERT_TRUE(made.has_value()) << reason;
      EXPECT_EQ(made->described, stats.rows - *stats.nulls);
      EXPECT_EQ(RowsOf(*made), made->described);
      EXPECT_EQ(DecodeDistribution(EncodeDistribution(*made)).Take(), *made);
      if (made->described > kShortSampleMax - 1) continue;
      for (const CommonValue& common : made->common) {
        const auto count = std::count_if(values.begin(), values.end(), [&](const Value& value) {
          return Compare(value, common.value) == 0;
        });
        EXPECT_EQ(common.rows, static_cast<std::uint64_t>(count));
      }
    }
  }
}

TEST(DistributionTest, ZeroHasOneSignAndNanIsCountedApart) {
  const Distribution made = DistributionOfValues(
      TypeKind::kFloat64, {Value(0.0), Value(-0.0), Value(kNan), Value(-kNan), {}, Value(3.0)});
  EXPECT_EQ(made.described, 5u);
  EXPECT_EQ(made.nans, 2u);
  ASSERT_EQ(made.common.size(), 2u);
  EXPECT_EQ(made.common[0].rows, 2u);
}

TEST(DistributionTest, LargeIntegersAndDecimalsAreNotRounded) {
  constexpr auto kHigh = std::numeric_limits<std::uint64_t>::max();
  const Distribution wide =
      DistributionOfValues(TypeKind::kUInt64, {Value(kHigh), Value(kHigh - 1), Value(kHigh)});
  ASSERT_EQ(wide.common.size(), 2u);
  EXPECT_EQ(wide.common[0], (CommonValue{Value(kHigh - 1), 1}));
  EXPECT_EQ(wide.common[1], (CommonValue{Value(kHigh), 2}));
  const Int128 large = static_cast<Int128>(1) << 100;
  const Distribution decimals =
      DistributionOfValues(DataType::Decimal(38, 0), {Value(Int128{large + 1}), Value(large)});
  ASSERT_EQ(decimals.common.size(), 2u);
  EXPECT_EQ(decimals.common[1].value, Value(Int128{large + 1}));
}

TEST(DistributionTest, LongTextIsCutInBoundsAndNeverCommon) {
  const std::string longest(kBoundMaxBytes, 'x');
  std::vector<Value> values(5, Value(longest));
  values.resize(10, Value(longest + "y"));
  const Distribution made = DistributionOfValues(TypeKind::kString, values);
  ASSERT_EQ(made.common.size(), 1u);
  EXPECT_EQ(made.common[0], (CommonValue{Value(longest), 5}));
  ASSERT_EQ(made.buckets.size(), 1u);
  EXPECT_EQ(made.buckets[0], (HistogramBucket{Value(longest), 5}));
}

/// Texts that are coded by a dictionary are counted by their rows.
TEST(DistributionTest, ADictionaryIsCountedByItsRows) {
  const auto dictionary = sample::ArrayOf(
      TypeKind::kString, {Value(std::string("a")), Value(std::string("b")), Value()});
  arrow::Int32Builder codes;
  for (const int code : {0, 0, 0, 1, 2}) ASSERT_TRUE(codes.Append(code).ok());
  ASSERT_TRUE(codes.AppendNull().ok());
  const auto coded =
      arrow::DictionaryArray::FromArrays(codes.Finish().ValueOrDie(), dictionary).ValueOrDie();
  StatsBuilder builder(TypeKind::kString);
  builder.Add(*coded);
  std::string reason;
  const auto made = DistributionOf(builder.Finish(), reason);
  ASSERT_TRUE(made.has_value()) << reason;
  EXPECT_EQ(made->described, 4u);
  ASSERT_EQ(made->common.size(), 2u);
  EXPECT_EQ(made->common[0], (CommonValue{Value(std::string("a")), 3}));
}

/// Ranks of the merged one against those of all rows: within what sampling and merging may err.
TEST(DistributionTest, AMergeOfManyErrsByABucketAndTheSample) {
  sample::Generator random(testing::SeedFromEnvironment());
  std::vector<Distribution> parts;
  std::vector<double> all;
  for (int part = 0; part < 40; ++part) {
    StatsBuilder builder(TypeKind::kFloat64);
    arrow::DoubleBuilder values;
    std::normal_distribution<double> bell(part, 1 + part % 7);
    for (int i = 0; i < 3000; ++i) {
      all.push_back(bell(random));
      ASSERT_TRUE(values.Append(all.back()).ok());
    }
    builder.Add(*values.Finish().ValueOrDie());
    std::string reason;
    parts.push_back(DistributionOf(builder.Finish(), reason).value());
  }
  std::sort(all.begin(), all.end());
  const Distribution merged = MergeDistributions(parts, static_cast<double>(all.size()));
  EXPECT_EQ(merged.described, all.size());
  ASSERT_EQ(merged.buckets.size(), kHistogramBuckets);
  double below = 0, worst = 0;
  for (const HistogramBucket& bucket : merged.buckets) {
    below += static_cast<double>(bucket.rows) / static_cast<double>(all.size());
    const auto rank = std::upper_bound(all.begin(), all.end(), std::get<double>(bucket.upper));
    const double found = static_cast<double>(rank - all.begin()) / static_cast<double>(all.size());
    worst = std::max(worst, std::abs(found - below));
    EXPECT_LE(bucket.rows, 2 * all.size() / kHistogramBuckets);
  }
  std::printf("rank error of a merge of 40: %.4f\n", worst);
  EXPECT_LT(worst, 1.0 / kHistogramBuckets + 0.01);
}

TEST(DistributionTest, CommonValuesOfAllPartsAreAdded) {
  std::vector<Distribution> parts;
  for (int part = 0; part < 3; ++part) {
    std::vector<Value> values(60, Value(std::string("eu")));
    values.resize(100, Value(std::string("us")));
    parts.push_back(DistributionOfValues(TypeKind::kString, values));
  }
  const Distribution merged = MergeDistributions(parts, 2);
  ASSERT_EQ(merged.common.size(), 2u);
  EXPECT_EQ(merged.common[0], (CommonValue{Value(std::string("eu")), 180}));
  EXPECT_EQ(merged.common[1], (CommonValue{Value(std::string("us")), 120}));
  EXPECT_TRUE(merged.buckets.empty());
}

TEST(DistributionTest, UnknownIsNotEmpty) {
  const ColumnStats known = StatsOf(TypeKind::kInt64, std::vector<Value>(60, Int(1)));
  ColumnStats unknown = StatsOf(TypeKind::kInt64, std::vector<Value>(40, Int(2)));
  unknown.distribution.clear();
  std::string reason;
  const ColumnStats most = MergeStats(known, unknown);
  const auto made = DistributionOf(most, reason);
  ASSERT_TRUE(made.has_value()) << reason;
  EXPECT_EQ(made->described, 60u) << "of a hundred";
  EXPECT_EQ(MergeStats(most, unknown).rows, 140u);
  EXPECT_EQ(MergeStats(most, unknown).distribution, "") << "60 of 140 are not enough";
  const ColumnStats empty = StatsOf(TypeKind::kInt64, {});
  EXPECT_EQ(MergeStats(empty, unknown).distribution, "");
  EXPECT_NE(MergeStats(empty, known).distribution, "");
  const ColumnStats nulls = StatsOf(TypeKind::kInt64, std::vector<Value>(500));
  EXPECT_TRUE(DistributionOf(MergeStats(nulls, known), reason).has_value()) << "nulls are known";
}

TEST(DistributionTest, AWidenedColumnKeepsItsDistribution) {
  const ColumnStats stats = StatsOf(TypeKind::kInt32, {Int(1), Int(1), Int(5)});
  std::string reason;
  const auto made =
      DistributionOf(ConvertStats(stats, TypeKind::kInt32, DataType::Decimal(18, 2)), reason);
  ASSERT_TRUE(made.has_value()) << reason;
  EXPECT_EQ(made->common[0], (CommonValue{Value(Int128{100}), 2}));
}

Distribution Sample() {
  Observations seen = Ascending(300);
  seen.values[9].exactly = 100;
  seen.described = seen.sampled = 399;
  return Distil(std::move(seen));
}

TEST(DistributionCodecTest, RefusesWhatIsCutAndNeverCrashesOnAFlippedBit) {
  const std::string bytes = EncodeDistribution(Sample());
  ASSERT_TRUE(DecodeDistribution(bytes).ok());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeDistribution(bytes.substr(0, size)).status().code(), Code::kCorruption) << size;
  }
  EXPECT_FALSE(DecodeDistribution(bytes + '\0').ok());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    const auto decoded = DecodeDistribution(flipped);
    if (decoded.ok()) {
      EXPECT_EQ(RowsOf(*decoded), decoded->described);
    }
  }
}

TEST(DistributionCodecTest, RefusesWhatContradictsItselfSayingWhat) {
  const auto refusal = [](const std::function<void(Distribution&)>& poison) {
    Distribution made = Sample();
    poison(made);
    return std::string(DecodeDistribution(EncodeDistribution(made)).status().message());
  };
  EXPECT_EQ(refusal([](Distribution&) {}), "");
  EXPECT_EQ(refusal([](Distribution& d) { d.buckets[3].rows *= 1000; }),
            "distribution: its counts do not add up");
  EXPECT_EQ(refusal([](Distribution& d) { d.buckets[3].rows = 0; }),
            "distribution: an impossible count");
  EXPECT_EQ(refusal([](Distribution& d) { d.buckets[3].rows = UINT64_MAX; }),
            "distribution: an impossible count");
  EXPECT_EQ(refusal([](Distribution& d) { d.described *= 1000; }),
            "distribution: its counts do not add up");
  EXPECT_EQ(refusal([](Distribution& d) { d.sampled = d.described + 1; }),
            "distribution: an impossible number of sampled values");
  EXPECT_EQ(refusal([](Distribution& d) { std::swap(d.buckets[3], d.buckets[4]); }),
            "distribution: the bounds are not in order");
  EXPECT_EQ(refusal([](Distribution& d) { d.lower = Int(1000); }),
            "distribution: the bounds are not in order");
  EXPECT_EQ(refusal([](Distribution& d) { d.buckets[3].upper = Value(kNan); }),
            "distribution: a bound is null or NaN");
  EXPECT_EQ(refusal([](Distribution& d) { d.buckets[3].upper = Value(); }),
            "distribution: a bound is null or NaN");
  EXPECT_EQ(refusal([](Distribution& d) { d.buckets[3].upper = Value(1.5); }),
            "distribution: values of several kinds");
  EXPECT_EQ(refusal([](Distribution& d) {
              d.common.push_back({Int(1), 1});
            }),
            "distribution: the common values are not in order");
  EXPECT_EQ(refusal([](Distribution& d) {
              while (d.buckets.size() <= kHistogramBuckets) d.buckets.push_back(d.buckets.back());
            }),
            "distribution: 65 buckets");
  EXPECT_EQ(refusal([](Distribution& d) {
              while (d.common.size() <= kCommonValuesMax) d.common.push_back(d.common.back());
            }),
            "distribution: 65 common values");
}

TEST(DistributionTest, WhatDoesNotFitTheRestIsNotBelievedSayingWhy) {
  const ColumnStats good = StatsOf(TypeKind::kInt64, std::vector<Value>(100, Int(1)));
  const auto reason = [&](const std::function<void(ColumnStats&)>& poison) {
    ColumnStats stats = good;
    poison(stats);
    std::string why;
    const bool believed = DistributionOf(stats, why).has_value();
    EXPECT_EQ(believed, why.empty());
    return why;
  };
  EXPECT_EQ(reason([](ColumnStats&) {}), "");
  EXPECT_EQ(reason([](ColumnStats& s) { s.rows = 99; }),
            "the distribution is of 100 values, of 99 in all");
  EXPECT_EQ(reason([](ColumnStats& s) { s.rows *= 1000; }),
            "the distribution is of 100 of 100000 values only");
  EXPECT_EQ(reason([](ColumnStats& s) { s.nulls = 101; }),
            "the distribution is of 100 values, of 0 in all");
  EXPECT_EQ(reason([](ColumnStats& s) { s.min = Value(1.0); }),
            "the distribution is of another kind of values");
  EXPECT_EQ(reason([](ColumnStats& s) { s.distribution = "x"; }), "distribution: version 120");
}

}  // namespace
}  // namespace granary::storage
