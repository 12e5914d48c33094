#include "granary/storage/stats/column_estimator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "granary/storage/stats/stats_builder.h"
#include "granary/storage/stats/stats_test_support.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

using sample::ArrayOf;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Value Int(std::int64_t value) { return value; }
Value Text(const char* text) { return std::string(text); }
RangeEnd Closed(Value value) { return {std::move(value), RangeEdge::kClosed}; }
RangeEnd Open(Value value) { return {std::move(value), RangeEdge::kOpen}; }

ColumnStats StatsOf(const DataType& type, const std::vector<Value>& values) {
  StatsBuilder builder(type);
  builder.Add(*ArrayOf(type, values));
  return builder.Finish();
}

/// Bounds and nulls only, as of a row group.
ColumnStats Bounds(std::uint64_t rows, Value min, Value max) {
  ColumnStats stats{.rows = rows, .nulls = 0};
  stats.min = std::move(min);
  stats.max = std::move(max);
  stats.min_exact = stats.max_exact = true;
  return stats;
}

/// `rows` rows of 0, 1, …, rows - 1.
ColumnStats Counting(std::int64_t rows) {
  std::vector<Value> values;
  for (std::int64_t i = 0; i < rows; ++i) values.emplace_back(i);
  return StatsOf(TypeKind::kInt64, values);
}

void ExpectEstimate(const Estimate& estimate, double fraction, EstimateBasis basis) {
  EXPECT_NEAR(estimate.fraction, fraction, 1e-9);
  EXPECT_EQ(EstimateBasisName(estimate.basis), EstimateBasisName(basis));
}

TEST(ColumnEstimatorTest, AnswersWithPostgresDefaultsWhenNothingIsKnown) {
  const ColumnEstimator unknown{ColumnStats()};
  const double values = 1 - kDefaultNull;
  ExpectEstimate(unknown.Null(), 0.005, EstimateBasis::kDefault);
  ExpectEstimate(unknown.Equal(Int(3)), 0.005 * values, EstimateBasis::kDefault);
  ExpectEstimate(unknown.Range({}, Open(Int(3))), values / 3, EstimateBasis::kDefault);
  ExpectEstimate(unknown.Range(Open(Int(1)), Open(Int(3))), 0.005 * values,
                 EstimateBasis::kDefault);
  ExpectEstimate(unknown.Prefix("a"), 0.005 * values, EstimateBasis::kDefault);
  EXPECT_LT(unknown.Like("a_b%").fraction, unknown.Prefix("a").fraction);
  EXPECT_FALSE(unknown.distinct().has_value());
  EXPECT_EQ(unknown.distrusted(), "");
}

TEST(ColumnEstimatorTest, NullsAndTheirAbsenceAreCertain) {
  const ColumnEstimator some(StatsOf(TypeKind::kInt64, {Int(1), {}, {}, Int(2)}));
  ExpectEstimate(some.Null(), 0.5, EstimateBasis::kCertain);
  ExpectEstimate(some.NotNull(), 0.5, EstimateBasis::kCertain);
  ExpectEstimate(some.Equal({}), 0, EstimateBasis::kCertain);
  const ColumnEstimator none(StatsOf(TypeKind::kInt64, {{}, {}}));
  ExpectEstimate(none.Equal(Int(1)), 0, EstimateBasis::kCertain);
  ExpectEstimate(none.Range({}, Closed(Int(1))), 0, EstimateBasis::kCertain);
  ExpectEstimate(none.Prefix("x"), 0, EstimateBasis::kCertain);
}

TEST(ColumnEstimatorTest, NothingLiesOutsideTheBounds) {
  const ColumnEstimator column(Bounds(100, Int(10), Int(20)));
  ExpectEstimate(column.Equal(Int(9)), 0, EstimateBasis::kCertain);
  ExpectEstimate(column.Equal(Int(21)), 0, EstimateBasis::kCertain);
  ExpectEstimate(column.Range({}, Open(Int(10))), 0, EstimateBasis::kCertain);
  ExpectEstimate(column.Range(Open(Int(20)), {}), 0, EstimateBasis::kCertain);
  ExpectEstimate(column.Range(Closed(Int(10)), Closed(Int(20))), 1, EstimateBasis::kCertain);
  ExpectEstimate(column.Range(Closed(Int(15)), Open(Int(15))), 0, EstimateBasis::kCertain);
  ExpectEstimate(column.Range(Closed(Int(16)), Closed(Int(15))), 0, EstimateBasis::kCertain);
}

TEST(ColumnEstimatorTest, OpenAndClosedEndsOfARangeOfIntegersDifferByAValue) {
  const ColumnEstimator column(Counting(100));
  EXPECT_NEAR(column.Range(Closed(Int(10)), Closed(Int(19))).fraction, 0.10, 0.02);
  const ColumnEstimator bounds(Bounds(100, Int(0), Int(99)));
  ExpectEstimate(bounds.Range(Closed(Int(10)), Closed(Int(19))), 0.10, EstimateBasis::kBounds);
  ExpectEstimate(bounds.Range(Open(Int(10)), Closed(Int(19))), 0.09, EstimateBasis::kBounds);
  ExpectEstimate(bounds.Range(Closed(Int(10)), Open(Int(19))), 0.09, EstimateBasis::kBounds);
  ExpectEstimate(bounds.Range(Open(Int(10)), Open(Int(19))), 0.08, EstimateBasis::kBounds);
  ExpectEstimate(bounds.Range({}, Open(Int(1))), 0.01, EstimateBasis::kBounds);
}

TEST(ColumnEstimatorTest, AValueSetSaysWhichValuesThereAre) {
  const ColumnEstimator column(
      StatsOf(TypeKind::kString, {Text("eu"), Text("us"), Text("eu-west"), Text("asia")}));
  ExpectEstimate(column.Equal(Text("fr")), 0, EstimateBasis::kCertain);
  EXPECT_NEAR(column.Equal(Text("eu")).fraction, 0.25, 1e-9);
  EXPECT_NEAR(column.Prefix("eu").fraction, 0.5, 1e-9);
  ExpectEstimate(column.Prefix("b"), 0, EstimateBasis::kCertain);
  EXPECT_NEAR(column.Like("eu%").fraction, 0.5, 1e-9);
  EXPECT_NEAR(column.Like("eu").fraction, 0.25, 1e-9);
  const std::vector<Value> asked = {Text("eu"), Text("us"), Text("nowhere")};
  EXPECT_NEAR(column.In(asked).fraction, 0.5, 1e-9);
}

TEST(ColumnEstimatorTest, SomeOfManyAskedValuesStandForAll) {
  const ColumnEstimator column(Counting(1000));
  std::vector<Value> asked;
  for (std::size_t count : {ColumnEstimator::kInValuesMax - 1, ColumnEstimator::kInValuesMax,
                            ColumnEstimator::kInValuesMax + 1, std::size_t{500}}) {
    while (asked.size() < count) asked.push_back(Int(static_cast<std::int64_t>(asked.size())));
    EXPECT_NEAR(column.In(asked).fraction, static_cast<double>(count) / 1000, 0.02) << count;
  }
}

TEST(ColumnEstimatorTest, DistinctValuesShareTheRowsEqually) {
  ColumnStats stats = Counting(1000);
  const ColumnEstimator column(stats);
  ASSERT_TRUE(column.distinct().has_value());
  EXPECT_NEAR(*column.distinct(), 1000, 50);
  EXPECT_NEAR(column.Equal(Int(500)).fraction, 0.001, 0.0001);
}

TEST(ColumnEstimatorTest, IntegersOfSixtyFourBitsAndDecimalsAreNotRounded) {
  constexpr auto kHigh = std::numeric_limits<std::uint64_t>::max();
  const ColumnEstimator wide(Bounds(10, Value(kHigh - 3), Value(kHigh)));
  ExpectEstimate(wide.Range({}, Closed(Value(kHigh - 1))), 0.75, EstimateBasis::kBounds);
  ExpectEstimate(wide.Equal(Value(kHigh - 4)), 0, EstimateBasis::kCertain);
  constexpr auto kLow = std::numeric_limits<std::int64_t>::min();
  const ColumnEstimator all(Bounds(10, Int(kLow), Int(std::numeric_limits<std::int64_t>::max())));
  EXPECT_NEAR(all.Range({}, Open(Int(0))).fraction, 0.5, 1e-9);
  const ColumnEstimator decimals(Bounds(10, Value(kInt128Min), Value(kInt128Max)));
  EXPECT_NEAR(decimals.Range({}, Open(Value(Int128{0}))).fraction, 0.5, 1e-9);
  const Int128 large = kInt128Max - 10;
  const ColumnEstimator near(Bounds(10, Value(large), Value(large + 9)));
  ExpectEstimate(near.Range({}, Closed(Value(Int128{large + 4}))), 0.5, EstimateBasis::kBounds);
}

TEST(ColumnEstimatorTest, NanIsAboveAllNumbersAndZeroHasOneSign) {
  const ColumnEstimator column(
      StatsOf(TypeKind::kFloat64, {Value(1.0), Value(kNan), Value(-0.0), Value(0.0)}));
  EXPECT_NEAR(column.Equal(Value(kNan)).fraction, 0.25, 1e-9);
  EXPECT_NEAR(column.Equal(Value(-0.0)).fraction, 0.5, 1e-9);
  EXPECT_NEAR(column.Equal(Value(0.0)).fraction, 0.5, 1e-9);
  EXPECT_NEAR(column.Range(Open(Value(1.0)), {}).fraction, 0.25, 1e-9) << "the NaN";
  EXPECT_NEAR(column.Range({}, Open(Value(0.0))).fraction, 0, 1e-9) << "-0.0 is not below";
  const ColumnEstimator numbers(StatsOf(TypeKind::kFloat64, {Value(1.0), Value(2.0)}));
  ExpectEstimate(numbers.Equal(Value(kNan)), 0, EstimateBasis::kCertain);
  ExpectEstimate(numbers.Range(Open(Value(2.0)), {}), 0, EstimateBasis::kCertain);
}

TEST(ColumnEstimatorTest, TheWholeWidthOfDoubleIsDivided) {
  constexpr double kMost = std::numeric_limits<double>::max();
  const ColumnEstimator column(Bounds(10, Value(-kMost), Value(kMost)));
  EXPECT_NEAR(column.Range(Closed(Value(0.0)), Closed(Value(kMost))).fraction, 0.5, 1e-9);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const ColumnEstimator endless(Bounds(10, Value(-kInfinity), Value(kInfinity)));
  const double half = endless.Range(Closed(Value(3.0)), Closed(Value(kInfinity))).fraction;
  EXPECT_TRUE(half >= 0 && half <= 1) << half;
}

TEST(ColumnEstimatorTest, TextIsInterpolatedBehindWhatBothEndsShare) {
  const ColumnEstimator column(Bounds(1000, Text("order-1000"), Text("order-9000")));
  EXPECT_NEAR(column.Range({}, Open(Text("order-5000"))).fraction, 0.5, 0.02);
  EXPECT_NEAR(column.Prefix("order-2").fraction, 0.125, 0.01);
  ExpectEstimate(column.Prefix("invoice"), 0, EstimateBasis::kCertain);
  EXPECT_GT(column.Prefix("order-50000000000000000001").fraction, 0);
}

TEST(ColumnEstimatorTest, ALeafIsAskedByItsKind) {
  const ColumnEstimator column(Bounds(100, Int(0), Int(99)));
  const auto leaf = [&](Predicate::Kind kind, std::vector<Value> values) {
    return column.Leaf(sample::Leaf(kind, 1, TypeKind::kInt64, std::move(values))).fraction;
  };
  EXPECT_NEAR(leaf(Predicate::Kind::kLess, {Int(50)}), 0.50, 1e-9);
  EXPECT_NEAR(leaf(Predicate::Kind::kLessEqual, {Int(50)}), 0.51, 1e-9);
  EXPECT_NEAR(leaf(Predicate::Kind::kGreater, {Int(50)}), 0.49, 1e-9);
  EXPECT_NEAR(leaf(Predicate::Kind::kGreaterEqual, {Int(50)}), 0.50, 1e-9);
  EXPECT_NEAR(leaf(Predicate::Kind::kEqual, {Int(50)}), 0.005, 1e-9);
  EXPECT_NEAR(leaf(Predicate::Kind::kIn, {Int(1), Int(500)}), 0.005, 1e-9);
  EXPECT_EQ(leaf(Predicate::Kind::kIsNull, {}), 0);
  Predicate inside = sample::Leaf(Predicate::Kind::kEqual, 1, TypeKind::kJson, {});
  inside.path = {"a"};
  EXPECT_EQ(column.Leaf(inside).basis, EstimateBasis::kDefault);
}

TEST(ColumnEstimatorTest, WhatContradictsItselfIsNotUsedAndSaysWhy) {
  struct Case {
    const char* reason;
    ColumnStats stats;
  };
  ColumnStats nulls = Bounds(10, Int(1), Int(2));
  nulls.nulls = 11;
  ColumnStats two_kinds = Bounds(10, Int(1), Value(2.0));
  ColumnStats values = Bounds(10, Int(1), Int(9));
  values.values = {Int(3), Int(2)};
  ColumnStats beyond = values;
  beyond.values = {Int(3), Int(20)};
  ColumnStats with_null = values;
  with_null.values = {Int(3), Value()};
  ColumnStats long_set = Bounds(1000, Int(0), Int(999));
  long_set.values.emplace();
  for (int i = 0; i < 65; ++i) long_set.values->push_back(Int(i));
  ColumnStats many = Bounds(2, Int(1), Int(9));
  many.values = {Int(1), Int(2), Int(9)};
  ColumnStats no_value = Bounds(2, {}, {});
  no_value.values.emplace();
  ColumnStats sketch = Bounds(10, Int(1), Int(9));
  sketch.distinct_sketch = "nonsense";
  const Case cases[] = {
      {"11 nulls in 10 rows", nulls},
      {"a bound is NaN", Bounds(10, Value(kNan), Value(1.0))},
      {"the bounds are of two kinds", two_kinds},
      {"min is above max", Bounds(10, Int(5), Int(4))},
      {"the value set is not in order", values},
      {"the value set reaches beyond the bounds", beyond},
      {"there is a null in the value set", with_null},
      {"the value set is too long", long_set},
      {"more values than rows", many},
      {"no value, but rows that have one", no_value},
      {"the distinct sketch cannot be read", sketch},
  };
  for (const Case& poisoned : cases) {
    const ColumnEstimator column(poisoned.stats);
    EXPECT_EQ(column.distrusted(), poisoned.reason);
    const double fraction = column.Range({}, Closed(Int(3))).fraction;
    EXPECT_TRUE(fraction >= 0 && fraction <= 1) << poisoned.reason;
  }
}

/// Whatever it is asked about whatever statistics, it answers with a fraction.
TEST(ColumnEstimatorTest, AFractionIsBetweenNoneAndAllForRandomStatistics) {
  sample::Generator random(testing::SeedFromEnvironment());
  const auto types = sample::ScalarTypes();
  for (int round = 0; round < 3000; ++round) {
    const DataType& type = types[static_cast<std::size_t>(round) % types.size()];
    const DataType& other = types[static_cast<std::size_t>(round / 7) % types.size()];
    ColumnStats stats;
    if (sample::OneIn(random, 2)) {
      stats = StatsOf(type, sample::RandomValues(random, type, sample::Between(random, 0, 90)));
    }
    if (sample::OneIn(random, 3)) stats.min = sample::RandomValue(random, other);
    if (sample::OneIn(random, 3)) stats.max = sample::RandomValue(random, type);
    if (sample::OneIn(random, 3)) stats.rows *= 1000;
    if (sample::OneIn(random, 3)) stats.nulls = sample::Between(random, 0, 1000);
    const ColumnEstimator column(stats);
    for (int i = 0; i < 4; ++i) {
      const Predicate leaf = sample::RandomLeaf(random, 1, sample::OneIn(random, 5) ? other : type);
      const Estimate estimate = column.Leaf(leaf);
      EXPECT_TRUE(estimate.fraction >= 0 && estimate.fraction <= 1)
          << estimate.fraction << " of " << type.ToString();
    }
  }
}

/// Certainty is never wrong: what is certainly none is none, what is certainly all is all.
TEST(ColumnEstimatorTest, WhatIsCertainHoldsForRandomColumnsOfEveryType) {
  sample::Generator random(testing::SeedFromEnvironment());
  int certain = 0;
  for (const DataType& type : sample::ScalarTypes()) {
    for (int round = 0; round < 60; ++round) {
      const auto values = sample::RandomValues(random, type, sample::Between(random, 1, 120));
      const ColumnEstimator column(StatsOf(type, values));
      const Predicate leaf = sample::RandomLeaf(random, 1, type);
      const Estimate estimate = column.Leaf(leaf);
      if (estimate.basis != EstimateBasis::kCertain || type.kind() == TypeKind::kJson) continue;
      ++certain;
      const auto holds = std::count_if(values.begin(), values.end(), [&](const Value& value) {
        return sample::Evaluate(leaf, {{1, value}}) == true;
      });
      EXPECT_NEAR(estimate.fraction,
                  static_cast<double>(holds) / static_cast<double>(values.size()), 1e-9)
          << type.ToString() << " kind " << static_cast<int>(leaf.kind);
    }
  }
  EXPECT_GT(certain, 200);
}

}  // namespace
}  // namespace granary::storage
