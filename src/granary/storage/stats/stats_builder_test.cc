#include "granary/storage/stats/stats_builder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <set>

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>

#include "granary/storage/stats/stats_test_support.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

Value Int(std::int64_t value) { return value; }

using sample::ArrayOf;

ColumnStats StatsOf(const DataType& type, const std::vector<Value>& values) {
  StatsBuilder builder(type);
  builder.Add(*ArrayOf(type, values));
  return builder.Finish();
}

struct ByCompare {
  bool operator()(const Value& a, const Value& b) const { return Compare(a, b) < 0; }
};

/// To compare by bytes: a NaN in a value set is not equal to itself.
std::string Encoded(const ColumnStats& stats) {
  std::string bytes;
  EncodeStats(stats, bytes);
  return bytes;
}

bool IsNan(const Value& value) {
  return std::holds_alternative<double>(value) && std::isnan(std::get<double>(value));
}

/// Whatever the statistics claim must hold for the values they were made of.
void ExpectTrue(const ColumnStats& stats, const std::vector<Value>& values) {
  std::set<Value, ByCompare> distinct;
  std::uint64_t nulls = 0;
  bool has_nan = false;
  for (const Value& value : values) {
    if (IsNull(value)) {
      ++nulls;
      continue;
    }
    distinct.insert(value);
    has_nan |= IsNan(value);
    if (IsNan(value)) continue;
    EXPECT_TRUE(IsNull(stats.min) || Compare(stats.min, value) <= 0);
    EXPECT_TRUE(IsNull(stats.max) || Compare(stats.max, value) >= 0);
  }
  EXPECT_EQ(stats.rows, values.size());
  EXPECT_EQ(stats.nulls, nulls);
  EXPECT_TRUE(stats.may_have_nan || !has_nan);
  EXPECT_TRUE(!stats.min_exact || distinct.contains(stats.min));
  EXPECT_TRUE(!stats.max_exact || distinct.contains(stats.max));
  if (stats.values) {
    ASSERT_EQ(stats.values->size(), distinct.size());
    EXPECT_TRUE(std::equal(distinct.begin(), distinct.end(), stats.values->begin(),
                           [](const Value& a, const Value& b) { return Compare(a, b) == 0; }));
  }
  const auto estimate = DistinctEstimate(stats);
  ASSERT_TRUE(estimate.has_value());
  EXPECT_NEAR(static_cast<double>(*estimate), static_cast<double>(distinct.size()),
              0.1 * static_cast<double>(distinct.size()));
}

TEST(StatsBuilderTest, TellsTheTruthAboutRandomColumnsOfEveryType) {
  sample::Generator random(testing::SeedFromEnvironment());
  for (const DataType& type : sample::ScalarTypes()) {
    for (int round = 0; round < 8; ++round) {
      SCOPED_TRACE(type.ToString());
      const auto left = sample::RandomValues(random, type, sample::Between(random, 0, 400));
      const auto right = sample::RandomValues(random, type, sample::Between(random, 0, 40));
      const ColumnStats a = StatsOf(type, left);
      const ColumnStats b = StatsOf(type, right);
      ExpectTrue(a, left);
      std::vector<Value> all = left;
      all.insert(all.end(), right.begin(), right.end());
      ExpectTrue(MergeStats(a, b), all);
      EXPECT_EQ(Encoded(MergeStats(a, b)), Encoded(MergeStats(b, a)));
    }
  }
}

TEST(StatsBuilderTest, CountsPiecesAndSlicesAsOneColumn) {
  const std::vector<Value> values = {Int(5), {}, Int(-3), Int(9), {}, Int(9)};
  const auto array = ArrayOf(TypeKind::kInt64, values);
  StatsBuilder builder(TypeKind::kInt64);
  builder.Add(*array->Slice(0, 2));
  builder.Add(*array->Slice(2, 3));
  builder.Add(*array->Slice(5, 1));
  EXPECT_EQ(builder.Finish(), StatsOf(TypeKind::kInt64, values));
}

TEST(StatsBuilderTest, NanAndNullTakeNoPartInTheBounds) {
  const double nan = std::nan("");
  const ColumnStats stats = StatsOf(TypeKind::kFloat64, {nan, {}, 2.5, -0.0, 0.0});
  EXPECT_EQ(std::get<double>(stats.min), 0.0);
  EXPECT_FALSE(std::signbit(std::get<double>(stats.min)));
  EXPECT_EQ(std::get<double>(stats.max), 2.5);
  EXPECT_TRUE(stats.may_have_nan);
  EXPECT_EQ(stats.values->size(), 3u);  // 0, 2.5, NaN

  const ColumnStats only_nan = StatsOf(TypeKind::kFloat32, {nan, nan});
  EXPECT_TRUE(IsNull(only_nan.min));
  EXPECT_EQ(only_nan.values->size(), 1u);
  EXPECT_FALSE(StatsOf(TypeKind::kFloat32, {1.5}).may_have_nan);

  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(std::get<double>(StatsOf(TypeKind::kFloat64, {inf, nan}).min), inf);
}

TEST(StatsBuilderTest, TheGreatestValueIsNanWhereOneIsAndUnknownWhereOneMayBe) {
  const double nan = std::nan("");
  const auto is_nan = [](const Value& value) {
    const auto* real = std::get_if<double>(&value);
    return real != nullptr && std::isnan(*real);
  };
  std::vector<Value> many{nan};
  for (int i = 0; i < 200; ++i) many.emplace_back(double(i));
  const ColumnStats with = StatsOf(TypeKind::kFloat64, many);
  const ColumnStats without = StatsOf(TypeKind::kFloat64, {500.0, {}});
  const ColumnStats only = StatsOf(TypeKind::kFloat64, {nan, {}});
  const ColumnStats none = StatsOf(TypeKind::kFloat64, {{}, {}});
  ASSERT_FALSE(with.values);
  EXPECT_TRUE(is_nan(GreatestValue(with)));
  EXPECT_EQ(LeastValue(with), Value(0.0));
  EXPECT_EQ(GreatestValue(without), Value(500.0));
  EXPECT_TRUE(is_nan(GreatestValue(only)) && is_nan(LeastValue(only)));
  EXPECT_TRUE(IsNull(GreatestValue(none)) && IsNull(LeastValue(none)));
  for (const auto& [a, b] : {std::pair(with, without), {without, with}, {only, without}}) {
    EXPECT_TRUE(is_nan(GreatestValue(MergeStats(a, b))));
    EXPECT_FALSE(is_nan(LeastValue(MergeStats(a, b))));
  }
  EXPECT_TRUE(is_nan(GreatestValue(MergeStats(only, only))));
  EXPECT_TRUE(is_nan(LeastValue(MergeStats(only, only))));

  // Of rows that were deleted since, the NaN may be one.
  ColumnStats less = with;
  less.min_exact = less.max_exact = false;
  EXPECT_TRUE(IsNull(GreatestValue(less)));
  EXPECT_TRUE(IsNull(GreatestValue(MergeStats(less, without))));
  EXPECT_TRUE(IsNull(GreatestValue(MergeStats(MergeStats(less, without), without))));
  ColumnStats fewer = StatsOf(TypeKind::kFloat64, {1.0, 2.0});
  fewer.min_exact = fewer.max_exact = false;
  fewer.values.reset();
  EXPECT_EQ(GreatestValue(MergeStats(fewer, without)), Value(500.0));
}

TEST(StatsBuilderTest, LongStringsGetBoundsThatAreNoValues) {
  const std::string low = std::string(63, 'a') + "é" + "x";
  const std::string high = std::string(70, 'z');
  const ColumnStats stats = StatsOf(TypeKind::kString, {low, high});
  EXPECT_EQ(stats.min, Value(std::string(63, 'a')));
  EXPECT_EQ(stats.max, Value(std::string(63, 'z') + "{"));
  EXPECT_FALSE(stats.min_exact);
  EXPECT_FALSE(stats.max_exact);
  EXPECT_FALSE(stats.values.has_value());
  EXPECT_EQ(DistinctEstimate(stats), 2u);

  const ColumnStats above_all = StatsOf(TypeKind::kBinary, {std::string(65, '\xFF')});
  EXPECT_TRUE(IsNull(above_all.max));
  EXPECT_FALSE(above_all.max_exact);
}

TEST(StatsBuilderTest, KeepsTheValueSetUpToItsLimit) {
  std::vector<Value> values;
  for (std::int64_t i = 0; i < std::int64_t{kValueSetMax}; ++i) values.emplace_back(i * 1000);
  EXPECT_EQ(StatsOf(TypeKind::kInt64, values).values->size(), kValueSetMax);
  values.emplace_back(Int(-1));
  const ColumnStats stats = StatsOf(TypeKind::kInt64, values);
  EXPECT_FALSE(stats.values.has_value());
  EXPECT_NEAR(static_cast<double>(*DistinctEstimate(stats)), kValueSetMax + 1.0, 3.0);
}

TEST(StatsBuilderTest, ADictionaryCountsOnlyTheValuesInUse) {
  const auto dictionary = ArrayOf(TypeKind::kString, {"unused", "b", {}, "a", "zz"});
  arrow::Int8Builder indices;
  ASSERT_TRUE(indices.AppendValues({1, 3, 2, 1, 1}).ok());
  ASSERT_TRUE(indices.AppendNull().ok());
  const auto coded =
      arrow::DictionaryArray::FromArrays(arrow::dictionary(arrow::int8(), arrow::utf8()),
                                         indices.Finish().ValueOrDie(), dictionary)
          .ValueOrDie();
  StatsBuilder builder{DataType(TypeKind::kString)};
  builder.Add(*coded);
  EXPECT_EQ(builder.Finish(), StatsOf(TypeKind::kString, {"b", "a", {}, "b", "b", {}}));
}

TEST(StatsBuilderTest, AListIsOnlyCounted) {
  const DataType type = DataType::List(TypeKind::kInt64);
  StatsBuilder builder(type);
  builder.Add(*MakeConstantArray(type, {}, 3).Take());
  const ColumnStats stats = builder.Finish();
  EXPECT_EQ(stats.rows, 3u);
  EXPECT_EQ(stats.nulls, 3u);
  EXPECT_TRUE(IsNull(stats.min));
}

TEST(MergeStatsTest, WhatIsUnknownInOneIsUnknownInBoth) {
  const ColumnStats known = StatsOf(TypeKind::kInt64, {Int(1), Int(7)});
  const ColumnStats unknown{.rows = 4};
  const ColumnStats merged = MergeStats(known, unknown);
  EXPECT_EQ(merged, (ColumnStats{.rows = 6}));
}

TEST(MergeStatsTest, RowsThatAreAllNullBoundNothing) {
  const ColumnStats known = StatsOf(TypeKind::kInt64, {Int(1), Int(7)});
  ColumnStats expected = known;
  expected.rows = 7;
  expected.nulls = 5;
  EXPECT_EQ(MergeStats(known, {.rows = 5, .nulls = 5}), expected);
  EXPECT_EQ(MergeStats(known, ColumnStats{}), known);
}

TEST(MergeStatsTest, ATruncatedBoundStaysOneAndAnEqualValueMakesItExact) {
  const std::string cut(64, 'a');
  const ColumnStats truncated = StatsOf(TypeKind::kString, {cut + "b"});
  EXPECT_FALSE(MergeStats(truncated, StatsOf(TypeKind::kString, {"b"})).min_exact);
  EXPECT_TRUE(MergeStats(truncated, StatsOf(TypeKind::kString, {cut})).min_exact);
}

TEST(ConvertStatsTest, FollowsAWidenedColumn) {
  std::vector<Value> many;
  for (std::int64_t i = 0; i < 100; ++i) many.emplace_back(i);
  const ColumnStats narrow = StatsOf(TypeKind::kInt32, many);
  EXPECT_EQ(ConvertStats(narrow, TypeKind::kInt32, TypeKind::kInt64),
            StatsOf(TypeKind::kInt64, many));

  const ColumnStats decimal = ConvertStats(narrow, TypeKind::kInt32, DataType::Decimal(38, 2));
  EXPECT_EQ(decimal.max, Value(Int128{9900}));
  EXPECT_TRUE(decimal.max_exact);
  EXPECT_EQ(DistinctEstimate(decimal), std::nullopt);

  const ColumnStats odd = StatsOf(TypeKind::kInt64, {Int((std::int64_t{1} << 60) + 1), Int(3)});
  const ColumnStats real = ConvertStats(odd, TypeKind::kInt64, TypeKind::kFloat64);
  EXPECT_EQ(real.min, Value(3.0));
  EXPECT_TRUE(IsNull(real.max));
  EXPECT_FALSE(real.values.has_value());
}

TEST(StatsCodecTest, DecodesWhatItEncodesAndRefusesAnyCut) {
  sample::Generator random(testing::SeedFromEnvironment());
  for (const DataType& type : sample::ScalarTypes()) {
    const std::string bytes = Encoded(StatsOf(type, sample::RandomValues(random, type, 100)));
    const auto decoded = DecodeStats(bytes);
    ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
    EXPECT_EQ(Encoded(*decoded), bytes);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      EXPECT_EQ(DecodeStats(std::string_view(bytes).substr(0, cut)).status().code(),
                Code::kCorruption);
    }
    EXPECT_EQ(DecodeStats(bytes + "x").status().code(), Code::kCorruption);
  }
}

TEST(StatsBuilderTest, DecimalsOfAForeignBufferMayLieAnywhere) {
  const DataType type = DataType::Decimal(20, 2);
  std::vector<Value> values;
  for (int i = 0; i < 2000; ++i) values.push_back(Value(Int128{i}));
  const auto aligned = ArrayOf(type, values);
  const auto& buffer = aligned->data()->buffers[1];
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(buffer->size()) + 64);
  const auto place = reinterpret_cast<std::uintptr_t>(bytes.data());
  std::uint8_t* const odd = bytes.data() + (24 - place % 16);  // 8 bytes past a multiple of 16.
  std::memcpy(odd, buffer->data(), static_cast<std::size_t>(buffer->size()));
  auto moved = aligned->data()->Copy();
  moved->buffers[1] = std::make_shared<arrow::Buffer>(odd, buffer->size());
  StatsBuilder builder(type);
  builder.Add(*arrow::MakeArray(moved));
  const ColumnStats stats = builder.Finish();
  EXPECT_EQ(stats.max, Value(Int128{1999}));
  EXPECT_FALSE(stats.distribution.empty());
}

TEST(StatsCodecTest, RefusesWhatWouldHideRows) {
  const auto refusal = [](const std::function<void(ColumnStats&)>& poison) {
    ColumnStats stats = StatsOf(TypeKind::kFloat64, {Value(1.0), Value(2.0)});
    poison(stats);
    return std::string(DecodeStats(Encoded(stats)).status().message());
  };
  EXPECT_EQ(refusal([](ColumnStats&) {}), "");
  EXPECT_EQ(refusal([](ColumnStats& s) { s.nulls = 3; }), "column statistics: 3 nulls in 2 rows");
  EXPECT_EQ(refusal([](ColumnStats& s) { s.min = Value(3.0); }),
            "column statistics: min is above max");
  EXPECT_EQ(refusal([](ColumnStats& s) { s.min = Int(1); }), "column statistics: min is above max");
  EXPECT_EQ(refusal([](ColumnStats& s) { s.max = Value(std::nan("")); }),
            "column statistics: a bound is NaN");
}

}  // namespace
}  // namespace granary::storage
