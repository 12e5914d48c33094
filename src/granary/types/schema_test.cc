#include "granary/types/schema.h"

#include <cmath>
#include <limits>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <gtest/gtest.h>

#include "granary/types/value.h"

namespace granary {
namespace {

Schema Orders() {
  return Schema(3, 9,
                {{1, "id", TypeKind::kString},
                 {4, "amount", DataType::Decimal(10, 2)},
                 {9, "tags", DataType::List(TypeKind::kInt32)}});
}

DataType Type(std::string_view text) { return DataType::Parse(text).Take(); }

TEST(SchemaTest, FindsColumnsByNameAndId) {
  const Schema schema = Orders();
  EXPECT_EQ(schema.IndexOf("amount"), 1);
  EXPECT_EQ(schema.IndexOf("Amount"), -1);
  EXPECT_EQ(schema.IndexOfId(9), 2);
  EXPECT_EQ(schema.FindId(2), nullptr);
  EXPECT_EQ(schema.Find("tags")->id, 9);
}

TEST(SchemaTest, NeverGivesAnIdTwice) {
  const auto added = Schema(3, 12, Orders().columns()).WithColumn("note", TypeKind::kString);
  ASSERT_TRUE(added.ok());
  EXPECT_EQ(added->Find("note")->id, 13);
  EXPECT_EQ(added->last_id(), 13);
  EXPECT_EQ(added->version(), 4u);
  EXPECT_EQ(added->columns().back().name, "note");
}

TEST(SchemaTest, RefusesNamesThatAreTakenReservedOrNoText) {
  for (const std::string& name :
       {std::string("id"), std::string(""), std::string("_seq"), std::string("_granary_x"),
        std::string(256, 'a'), std::string("\xff"), std::string("a\xc3")}) {
    EXPECT_EQ(Orders().WithColumn(name, TypeKind::kBool).status().code(), Code::kInvalidDefinition)
        << name;
  }
  for (const std::string& name : {std::string(255, 'a'), std::string("_sequence"),
                                  std::string("a.b"), std::string("\xc3\xa9"), std::string(" ")}) {
    EXPECT_TRUE(Orders().WithColumn(name, TypeKind::kBool).ok()) << name;
  }
}

TEST(SchemaTest, DecodesWhatItEncodes) {
  std::string bytes;
  Orders().EncodeTo(bytes);
  const auto decoded = Schema::Decode(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded.value(), Orders());
  EXPECT_EQ(decoded->last_id(), 9);
}

TEST(SchemaTest, CutAnywhereIsCorruption) {
  std::string bytes;
  Orders().EncodeTo(bytes);
  for (std::size_t keep = 0; keep < bytes.size(); ++keep) {
    EXPECT_EQ(Schema::Decode(std::string_view(bytes).substr(0, keep)).status().code(),
              Code::kCorruption)
        << keep;
  }
  EXPECT_EQ(Schema::Decode(bytes + "x").status().code(), Code::kCorruption);
}

TEST(SchemaTest, DecodeRefusesRepeatedIdsAndNames) {
  for (const auto& columns :
       {std::vector<Column>{{1, "a", TypeKind::kBool}, {1, "b", TypeKind::kBool}},
        std::vector<Column>{{1, "a", TypeKind::kBool}, {2, "a", TypeKind::kBool}}}) {
    std::string bytes;
    Schema(1, 2, columns).EncodeTo(bytes);
    EXPECT_EQ(Schema::Decode(bytes).status().code(), Code::kCorruption);
  }
}

TEST(SchemaTest, ArrowFieldsCarryTheColumnIds) {
  const auto arrow = Orders().ToArrow();
  EXPECT_EQ(arrow->field(1)->metadata()->Get("PARQUET:field_id").ValueOrDie(), "4");
  EXPECT_TRUE(arrow->field(1)->nullable());
  EXPECT_TRUE(arrow->field(1)->type()->Equals(arrow::decimal128(10, 2)));
}

TEST(SchemaTest, WideningIsSafeOnlyWhenEveryValueHasAnEqual) {
  const std::pair<const char*, const char*> kSafe[] = {{"int8", "int16"},
                                                       {"int8", "int64"},
                                                       {"uint8", "int16"},
                                                       {"uint32", "int64"},
                                                       {"uint8", "uint64"},
                                                       {"int64", "decimal(38,0)"},
                                                       {"int64", "decimal(19,0)"},
                                                       {"uint64", "decimal(20,0)"},
                                                       {"int64", "decimal(21,2)"},
                                                       {"int32", "float64"},
                                                       {"int16", "float32"},
                                                       {"float32", "float64"},
                                                       {"decimal(10,2)", "decimal(12,4)"},
                                                       {"date", "datetime64[s]"},
                                                       {"list<int8>", "list<int64>"},
                                                       {"string", "string"}};
  const std::pair<const char*, const char*> kUnsafe[] = {{"int16", "int8"},
                                                         {"int8", "uint16"},
                                                         {"uint64", "int64"},
                                                         {"int64", "decimal(18,0)"},
                                                         {"int64", "float64"},
                                                         {"int32", "float32"},
                                                         {"float64", "float32"},
                                                         {"decimal(10,2)", "decimal(12,1)"},
                                                         {"decimal(10,2)", "decimal(10,3)"},
                                                         {"datetime64[s]", "datetime64[ns]"},
                                                         {"date", "datetime64[us]"},
                                                         {"string", "json"},
                                                         {"int64", "string"},
                                                         {"bool", "int8"},
                                                         {"list<int64>", "int64"}};
  for (const auto& [from, to] : kSafe)
    EXPECT_TRUE(IsSafeWidening(Type(from), Type(to))) << from << " " << to;
  for (const auto& [from, to] : kUnsafe)
    EXPECT_FALSE(IsSafeWidening(Type(from), Type(to))) << from << " " << to;
}

TEST(SchemaTest, WidensSafelyOrToDoubleByTheCallersWord) {
  const Schema schema(1, 1, {{1, "n", TypeKind::kInt64}});
  EXPECT_EQ(schema.WithWidened(1, TypeKind::kFloat64)->columns()[0].type,
            DataType(TypeKind::kFloat64));
  EXPECT_EQ(schema.WithWidened(1, TypeKind::kInt8).status().code(), Code::kInvalidDefinition);
  EXPECT_EQ(schema.WithWidened(2, TypeKind::kFloat64).status().code(), Code::kInvalidDefinition);
  EXPECT_EQ(schema.WithWidened(1, DataType::Decimal(38, 0))->version(), 2u);
}

std::shared_ptr<arrow::Array> Ints(const std::vector<std::int64_t>& values) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  EXPECT_TRUE(builder.AppendNull().ok());
  return builder.Finish().ValueOrDie();
}

TEST(ProjectBatchTest, MatchesColumnsByIdFillsAndWidens) {
  const Schema from(1, 2, {{1, "a", TypeKind::kInt64}, {2, "b", TypeKind::kInt64}});
  const Schema to(5, 4,
                  {{4, "new", TypeKind::kUuid},
                   {2, "renamed", DataType::Decimal(38, 0)},
                   {1, "a", TypeKind::kFloat64}});
  const auto batch = arrow::RecordBatch::Make(
      from.ToArrow(), 3, {Ints({1, -(1LL << 60)}), Ints({INT64_MIN, INT64_MAX})});
  const auto projected = ProjectBatch(*batch, from, to);
  ASSERT_TRUE(projected.ok()) << projected.status().ToString();
  const arrow::RecordBatch& out = **projected;
  ASSERT_TRUE(out.ValidateFull().ok());
  EXPECT_TRUE(out.schema()->Equals(*to.ToArrow()));
  EXPECT_EQ(out.column(0)->null_count(), 3);
  EXPECT_EQ(ValueAt(*out.column(1), 0), Value(Int128{INT64_MIN}));
  EXPECT_EQ(ValueAt(*out.column(1), 1), Value(Int128{INT64_MAX}));
  EXPECT_EQ(ValueAt(*out.column(1), 2), Value());
  EXPECT_EQ(ValueAt(*out.column(2), 1), Value(-std::ldexp(1, 60)));
}

TEST(ProjectBatchTest, NeverRoundsAnIntegerIntoADouble) {
  const Schema from(1, 1, {{1, "a", TypeKind::kInt64}});
  const Schema to(2, 1, {{1, "a", TypeKind::kFloat64}});
  for (const std::int64_t value :
       std::vector<std::int64_t>{(1LL << 53) + 1, INT64_MAX, -(1LL << 53) - 1}) {
    const auto batch = arrow::RecordBatch::Make(from.ToArrow(), 2, {Ints({value})});
    EXPECT_FALSE(ProjectBatch(*batch, from, to).ok()) << value;
  }
}

TEST(ProjectBatchTest, WidensEveryIntegerAndListAndDate) {
  const std::pair<const char*, const char*> kCases[] = {{"int8", "int32"},
                                                        {"uint32", "int64"},
                                                        {"uint64", "decimal(38,0)"},
                                                        {"int16", "decimal(38,9)"},
                                                        {"uint8", "float32"},
                                                        {"float32", "float64"},
                                                        {"decimal(10,2)", "decimal(38,10)"},
                                                        {"date", "datetime64[ms]"},
                                                        {"list<int8>", "list<int64>"}};
  for (const auto& [from_name, to_name] : kCases) {
    const Schema from(1, 1, {{1, "a", Type(from_name)}});
    const Schema to(2, 1, {{1, "a", Type(to_name)}});
    const auto nulls = MakeConstantArray(Type(from_name), Value{}, 4).Take();
    const auto batch = arrow::RecordBatch::Make(from.ToArrow(), 4, {nulls});
    const auto projected = ProjectBatch(*batch, from, to);
    ASSERT_TRUE(projected.ok()) << from_name << ": " << projected.status().ToString();
    EXPECT_EQ((*projected)->column(0)->null_count(), 4);
  }
}

}  // namespace
}  // namespace granary
