#include <gtest/gtest.h>

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "granary/storage/partition/partition.h"
#include "granary/storage/stats/stats_test_support.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

using Kind = Predicate::Kind;
using sample::Leaf;

constexpr ColumnId kColumn = 1;

Value Int(std::int64_t value) { return value; }

bool MayMatch(const char* transform, const Value& value, const Predicate& predicate) {
  const DataType& type = predicate.kind == Kind::kNot ? predicate.children[0].type : predicate.type;
  const PartitionField field{kColumn, Transform::Parse(transform).Take()};
  const Schema written(1, 1, {{kColumn, "c", type}});
  return PartitionMayMatch({field}, {ApplyTransform(field.transform, type, value)}, written,
                           predicate);
}

TEST(PartitionMayMatchTest, AnIdentityKeyIsTheValue) {
  const auto leaf = [](Kind kind, Value v) {
    return Leaf(kind, kColumn, TypeKind::kString, {std::move(v)});
  };
  EXPECT_TRUE(MayMatch("identity", "eu", leaf(Kind::kEqual, "eu")));
  EXPECT_FALSE(MayMatch("identity", "eu", leaf(Kind::kEqual, "us")));
  EXPECT_FALSE(MayMatch("identity", "eu", Predicate::Not(leaf(Kind::kEqual, "eu"))));
  EXPECT_FALSE(MayMatch("identity", {}, leaf(Kind::kEqual, "eu")));
  EXPECT_TRUE(MayMatch("identity", {}, Leaf(Kind::kIsNull, kColumn, TypeKind::kString)));
  EXPECT_FALSE(MayMatch("identity", "eu", Leaf(Kind::kIsNull, kColumn, TypeKind::kString)));
  EXPECT_FALSE(
      MayMatch("identity", "eu", Leaf(Kind::kContains, kColumn, TypeKind::kString, {}, "x")));
}

TEST(PartitionMayMatchTest, ADayIsTheRangeOfItsInstants) {
  const DataType type = DataType::Timestamp(TimeUnit::kNano);
  const std::int64_t day = 86'400'000'000'000;
  const auto leaf = [&](Kind kind, std::int64_t v) { return Leaf(kind, kColumn, type, {Int(v)}); };
  const Value in_day_3 = Int(3 * day + 5);
  EXPECT_TRUE(MayMatch("day", in_day_3, leaf(Kind::kEqual, 3 * day)));
  EXPECT_TRUE(MayMatch("day", in_day_3, leaf(Kind::kEqual, 4 * day - 1)));
  EXPECT_FALSE(MayMatch("day", in_day_3, leaf(Kind::kEqual, 4 * day)));
  EXPECT_FALSE(MayMatch("day", in_day_3, leaf(Kind::kLess, 3 * day)));
  EXPECT_TRUE(MayMatch("day", in_day_3, leaf(Kind::kLessEqual, 3 * day)));
  EXPECT_FALSE(MayMatch("day", in_day_3, leaf(Kind::kGreaterEqual, 4 * day)));
  EXPECT_FALSE(MayMatch("day", in_day_3, Predicate::Not(leaf(Kind::kLess, 4 * day))));
  EXPECT_FALSE(MayMatch("year", in_day_3, leaf(Kind::kGreaterEqual, 365 * day)));
  EXPECT_FALSE(MayMatch("month", in_day_3, leaf(Kind::kGreaterEqual, 31 * day)));
  EXPECT_FALSE(MayMatch("hour", in_day_3, leaf(Kind::kGreater, 3 * day + 3'600'000'000'000)));
}

TEST(PartitionMayMatchTest, ABucketDecidesEqualityAlone) {
  const auto leaf = [](Kind kind, std::vector<Value> values) {
    return Leaf(kind, kColumn, TypeKind::kInt64, std::move(values));
  };
  int kept = 0;
  for (std::int64_t i = 0; i < 1000; ++i) {
    kept += MayMatch("bucket[100]", Int(5), leaf(Kind::kEqual, {Int(i)}));
  }
  EXPECT_LT(kept, 40);
  EXPECT_TRUE(MayMatch("bucket[100]", Int(5), leaf(Kind::kEqual, {Int(5)})));
  EXPECT_TRUE(MayMatch("bucket[100]", Int(5), leaf(Kind::kGreater, {Int(1'000'000)})));
  EXPECT_TRUE(MayMatch("bucket[100]", Int(5), Predicate::Not(leaf(Kind::kEqual, {Int(5)}))));
  EXPECT_FALSE(MayMatch("bucket[100]", Int(5), leaf(Kind::kIn, {})));
}

TEST(PartitionMayMatchTest, AKeyOutlivesTheWideningOfItsColumn) {
  const Schema written(1, 1, {{kColumn, "c", TypeKind::kInt64}});
  const DataType decimal = DataType::Decimal(38, 2);
  const auto equals = [&](Int128 unscaled) {
    return Leaf(Kind::kEqual, kColumn, decimal, {unscaled});
  };
  const PartitionSpec identity = {{kColumn, {}}};
  EXPECT_TRUE(PartitionMayMatch(identity, {Int(7)}, written, equals(700)));
  EXPECT_FALSE(PartitionMayMatch(identity, {Int(7)}, written, equals(701)));
  EXPECT_TRUE(
      PartitionMayMatch(identity, {Int(7)}, equals(701)));  // Without the schema nobody knows.

  // A decimal's hash is another than the integer's that it was.
  const PartitionSpec buckets = {{kColumn, {TransformKind::kBucket, 1000}}};
  for (std::int64_t key = 0; key < 1000; ++key) {
    EXPECT_TRUE(PartitionMayMatch(buckets, {Int(key)}, written, equals(700)));
    EXPECT_TRUE(PartitionMayMatch(buckets, {Int(key)}, equals(700)));
  }
}

TEST(PartitionMayMatchTest, AnotherColumnIsAnybodysGuess) {
  const Predicate other = Leaf(Kind::kEqual, 2, TypeKind::kInt64, {Int(1)});
  const Schema written(1, 1, {{kColumn, "c", TypeKind::kInt64}});
  EXPECT_TRUE(PartitionMayMatch({{kColumn, {}}}, {Int(7)}, written, other));
  EXPECT_FALSE(PartitionMayMatch({{kColumn, {}}}, {Int(7)}, written, Predicate::Constant(false)));
}

TEST(PartitionMayMatchPropertyTest, APrunedPartitionHoldsNoMatchingRow) {
  sample::Generator random(testing::SeedFromEnvironment());
  std::uint64_t pruned = 0;
  for (const DataType& type : sample::ScalarTypes()) {
    for (int kind = 0; kind <= static_cast<int>(TransformKind::kTruncate); ++kind) {
      const Transform transform{static_cast<TransformKind>(kind),
                                static_cast<std::uint32_t>(sample::Between(random, 1, 12))};
      if (!CheckTransform(transform, type).ok()) continue;
      const Schema schema(1, 2, {{1, "a", type}, {2, "b", TypeKind::kInt8}});
      const PartitionSpec spec = {{1, transform}, {2, {}}};
      for (int round = 0; round < 150; ++round) {
        const std::map<ColumnId, Value> row = {
            {1, sample::OneIn(random, 8) ? Value{} : sample::RandomValue(random, type)},
            {2, sample::OneIn(random, 8) ? Value{} : sample::RandomValue(random, TypeKind::kInt8)}};
        const PartitionKey key = {ApplyTransform(transform, type, row.at(1)), row.at(2)};
        for (int i = 0; i < 8; ++i) {
          const Predicate predicate =
              sample::RandomPredicate(random, {{1, type}, {2, TypeKind::kInt8}}, 3);
          const bool with_schema = PartitionMayMatch(spec, key, schema, predicate);
          const bool without = PartitionMayMatch(spec, key, predicate);
          pruned += !with_schema;
          ASSERT_TRUE(with_schema <= without);
          if (sample::Evaluate(predicate, row) != true) continue;
          ASSERT_TRUE(with_schema)
              << type.ToString() << " " << transform.ToString() << " "
              << ValueToText(row.at(1), type) << ": " << predicate.ToString(schema);
        }
      }
    }
  }
  EXPECT_GT(pruned, 5000u);
}

}  // namespace
}  // namespace granary::storage
