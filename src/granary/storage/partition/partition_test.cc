#include "granary/storage/partition/partition.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "granary/storage/stats/stats_test_support.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

using Kind = Predicate::Kind;

Value Int(std::int64_t value) { return value; }

Schema MakeSchema(const std::vector<DataType>& types) {
  std::vector<Column> columns;
  for (const DataType& type : types) {
    const auto id = static_cast<ColumnId>(columns.size() + 1);
    columns.push_back({id, "c" + std::to_string(id), type});
  }
  return Schema(1, static_cast<ColumnId>(types.size()), columns);
}

std::shared_ptr<arrow::RecordBatch> MakeBatch(const Schema& schema,
                                              const std::vector<std::vector<Value>>& columns) {
  arrow::ArrayVector arrays;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    arrays.push_back(sample::ArrayOf(schema.columns()[i].type, columns[i]));
  }
  return arrow::RecordBatch::Make(schema.ToArrow(), arrays[0]->length(), arrays);
}

/// Some transform that the type has, or identity.
Transform RandomTransform(sample::Generator& random, const DataType& type) {
  const auto parameter = static_cast<std::uint32_t>(sample::Between(random, 1, 9));
  for (int i = 0; i < 20; ++i) {
    const Transform transform{static_cast<TransformKind>(sample::Between(random, 0, 6)), parameter};
    if (CheckTransform(transform, type).ok()) {
      const bool is_plain = transform.kind < TransformKind::kBucket;
      return is_plain ? Transform{transform.kind} : transform;
    }
  }
  return {};
}

std::vector<DataType> PartitionTypes() {
  std::vector<DataType> types = sample::ScalarTypes();
  std::erase_if(types, [](const DataType& t) { return !CheckTransform({}, t).ok(); });
  return types;
}

TEST(SplitByPartitionTest, AgreesWithTransformingEachRow) {
  sample::Generator random(testing::SeedFromEnvironment());
  const std::vector<DataType> types = PartitionTypes();
  for (int round = 0; round < 200; ++round) {
    const auto any = [&] { return types[sample::Between(random, 0, std::ssize(types) - 1)]; };
    const Schema schema = MakeSchema({any(), any()});
    const std::size_t rows = sample::Between(random, 0, 60);
    std::vector<std::vector<Value>> columns;
    PartitionSpec spec;
    for (const Column& column : schema.columns()) {
      columns.push_back(sample::RandomValues(random, column.type, rows));
      spec.push_back({column.id, RandomTransform(random, column.type)});
    }
    if (sample::OneIn(random, 2)) spec.pop_back();
    const auto groups = SplitByPartition(spec, schema, *MakeBatch(schema, columns));
    ASSERT_TRUE(groups.ok()) << groups.status().ToString();
    std::set<std::int64_t> seen;
    std::set<std::string> keys;
    std::set<std::string> paths;
    for (const PartitionGroup& group : *groups) {
      ASSERT_EQ(group.key.size(), spec.size());
      std::string bytes;
      EncodePartitionKey(group.key, bytes);
      EXPECT_TRUE(keys.insert(bytes).second);
      EXPECT_TRUE(paths.insert(PartitionPath(spec, schema, group.key)).second);
      for (std::int64_t i = 0; i < group.rows->length(); ++i) {
        const std::int64_t row = group.rows->Value(i);
        EXPECT_TRUE(seen.insert(row).second);
        EXPECT_TRUE(i == 0 || group.rows->Value(i - 1) < row);
        for (std::size_t f = 0; f < spec.size(); ++f) {
          const Value expected =
              ApplyTransform(spec[f].transform, schema.columns()[f].type, columns[f][row]);
          EXPECT_EQ(Compare(expected, group.key[f]), std::weak_ordering::equivalent)
              << schema.columns()[f].type.ToString() << " " << spec[f].transform.ToString();
        }
      }
    }
    EXPECT_EQ(seen.size(), rows);
  }
}

TEST(SplitByPartitionTest, OrdersByKeyWithNullLast) {
  const Schema schema = MakeSchema({TypeKind::kString, TypeKind::kInt64});
  const auto batch =
      MakeBatch(schema, {{"b", {}, "a", "b", "a"}, {Int(1), Int(1), Int(2), Int(1), Int(-3)}});
  const auto groups = SplitByPartition({{1, {}}, {2, {}}}, schema, *batch).Take();
  ASSERT_EQ(groups.size(), 4u);
  EXPECT_EQ(groups[0].key, (PartitionKey{"a", Int(-3)}));
  EXPECT_EQ(groups[1].key, (PartitionKey{"a", Int(2)}));
  EXPECT_EQ(groups[2].key, (PartitionKey{"b", Int(1)}));
  EXPECT_EQ(groups[2].rows->ToString(), "[\n  0,\n  3\n]");
  EXPECT_EQ(groups[3].key, (PartitionKey{Value{}, Int(1)}));
}

TEST(SplitByPartitionTest, NoSpecIsOneGroup) {
  const Schema schema = MakeSchema({TypeKind::kInt8});
  const auto groups = SplitByPartition({}, schema, *MakeBatch(schema, {{Int(1), Int(2)}})).Take();
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].rows->length(), 2);
  EXPECT_EQ(PartitionPath({}, schema, {}), "");
}

TEST(SplitByPartitionTest, AnUnknownColumnIsABug) {
  const Schema schema = MakeSchema({TypeKind::kInt8});
  const auto batch = MakeBatch(schema, {{Int(1)}});
  EXPECT_EQ(SplitByPartition({{7, {}}}, schema, *batch).status().code(), Code::kInternal);
  EXPECT_EQ(SplitByPartition({{1, {TransformKind::kDay}}}, schema, *batch).status().code(),
            Code::kInvalidDefinition);
}

std::string PathOf(const DataType& type, const std::string& transform, const Value& key,
                   std::string name = "col") {
  const Schema schema(1, 1, {{1, std::move(name), type}});
  return PartitionPath({{1, Transform::Parse(transform).Take()}}, schema, {key});
}

TEST(PartitionPathTest, ReadsLikeTheValue) {
  const DataType micros = DataType::Timestamp(TimeUnit::kMicro);
  EXPECT_EQ(PathOf(micros, "day", Int(19737)), "col_day=2024-01-15");
  EXPECT_EQ(PathOf(micros, "year", Int(54)), "col_year=2024");
  EXPECT_EQ(PathOf(micros, "month", Int(-1)), "col_month=1969-12");
  EXPECT_EQ(PathOf(micros, "hour", Int(-1)), "col_hour=1969-12-31-23");
  EXPECT_EQ(PathOf(TypeKind::kInt64, "bucket[16]", Int(3)), "col_bucket=3");
  EXPECT_EQ(PathOf(TypeKind::kString, "truncate[2]", "eu"), "col_trunc=eu");
  EXPECT_EQ(PathOf(DataType::Decimal(9, 2), "identity", Int128{-150}), "col=-1.50");
  EXPECT_EQ(PathOf(TypeKind::kString, "identity", "eu/west"), "col=eu%2Fwest");
}

TEST(PartitionPathTest, NothingLeavesItsFolderOrMeetsAnother) {
  EXPECT_EQ(PathOf(TypeKind::kString, "identity", "../../etc"), "col=..%2F..%2Fetc");
  EXPECT_EQ(PathOf(TypeKind::kString, "identity", std::string("\0", 1)), "col=%00");
  EXPECT_EQ(PathOf(TypeKind::kString, "identity", ""), "col=");
  EXPECT_EQ(PathOf(TypeKind::kString, "identity", {}), "col=__null__");
  EXPECT_EQ(PathOf(TypeKind::kString, "identity", "__null__"), "col=%5F_null__");
  EXPECT_EQ(PathOf(TypeKind::kString, "identity", "x", "../a=b"), "..%2Fa%3Db=x");
  EXPECT_NE(PathOf(TypeKind::kString, "identity", "é"),
            PathOf(TypeKind::kString, "identity", "e\u0301"));
}

TEST(PartitionPathTest, ALongPartBecomesItsPrefixAndAHash) {
  const std::string long_text(300, 'x');
  const std::string path = PathOf(TypeKind::kString, "identity", long_text);
  EXPECT_EQ(path.size(), 200u);
  EXPECT_NE(path, PathOf(TypeKind::kString, "identity", long_text + "y"));
  for (std::size_t length = 55; length < 75; ++length) {
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += "é/x";
    const std::string part = PathOf(TypeKind::kString, "identity", text);
    EXPECT_LE(part.size(), 200u);
    const std::size_t end = std::min(part.find('~'), part.size());
    const std::size_t escape = part.rfind('%', end);
    EXPECT_LE(escape + 3, end);
  }
}

TEST(PartitionKeyTest, DecodesWhatItEncodesAndRefusesAnyCut) {
  const PartitionKey key = {Int(-5), {}, "text", Int128{7}, true, 1.5, std::uint64_t{9}};
  std::string bytes;
  EncodePartitionKey(key, bytes);
  EXPECT_EQ(DecodePartitionKey(bytes).Take(), key);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_EQ(DecodePartitionKey(bytes.substr(0, cut)).status().code(), Code::kCorruption);
  }
  EXPECT_EQ(DecodePartitionKey(bytes + '\0').status().code(), Code::kCorruption);
}

}  // namespace
}  // namespace granary::storage
