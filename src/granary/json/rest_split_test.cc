#include "granary/json/rest_split.h"

#include <gtest/gtest.h>

#include <arrow/api.h>

#include "granary/json/batch_writer.h"
#include "granary/types/rest_column.h"

namespace granary::json {
namespace {

std::shared_ptr<arrow::Array> Texts(const std::vector<const char*>& texts) {
  arrow::StringBuilder builder;
  for (const char* text : texts)
    EXPECT_TRUE((text == nullptr ? builder.AppendNull() : builder.Append(text)).ok());
  return builder.Finish().ValueOrDie();
}

std::string Shown(const arrow::Array& array, const DataType& type) {
  const auto batch = arrow::RecordBatch::Make(arrow::schema({arrow::field("", array.type())}),
                                              array.length(), {array.Slice(0)});
  const BatchWriter writer({{1, "", type}});
  std::string out;
  for (std::int64_t row = 0; row < array.length(); ++row) {
    if (row > 0) out.push_back(' ');
    writer.AppendValue(*batch, 0, row, out);
  }
  return out;
}

TEST(RestSplitTest, WhatFitsMovesAndTheOthersStay) {
  const auto rest = Texts({R"({"c":1,"x":true})", R"({"x":1,"c":"text"})", nullptr, R"({"c":7})",
                           R"({"c":null})", R"({"a":{"c":1}})"});
  const std::vector<Column> columns = {{2, "c", TypeKind::kInt64}, {3, "x", TypeKind::kBool}};
  const auto split = SplitFromRest(*rest, columns);
  ASSERT_TRUE(split.ok()) << split.status().message();
  EXPECT_EQ(Shown(*split->columns[0], TypeKind::kInt64), "1 null null 7 null null");
  EXPECT_EQ(Shown(*split->columns[1], TypeKind::kBool), "true null null null null null");
  EXPECT_EQ(Shown(*split->rest, TypeKind::kJson),
            R"(null {"x":1,"c":"text"} null null {"c":null} {"a":{"c":1}})");
  EXPECT_EQ(split->unfit.row, 1);
  EXPECT_EQ(split->unfit.column, "x");
  EXPECT_EQ(split->unfit.detail, "expected bool, found number 1");
}

TEST(RestSplitTest, ListsAndDocumentsMoveToo) {
  const auto rest =
      Texts({R"({"l":[1,2],"j":{"k":"v"}})", R"({"l":[1,"x"],"j":[1]})", R"({"l":[3]})"});
  const DataType list = DataType::List(TypeKind::kInt64);
  const std::vector<Column> columns = {{2, "l", list}, {3, "j", TypeKind::kJson}};
  const auto split = SplitFromRest(*rest, columns);
  ASSERT_TRUE(split.ok()) << split.status().message();
  EXPECT_TRUE(split->columns[0]->ValidateFull().ok());
  EXPECT_EQ(Shown(*split->columns[0], list), "[1,2] null [3]");
  EXPECT_EQ(Shown(*split->columns[1], TypeKind::kJson), R"({"k":"v"} [1] null)");
  EXPECT_EQ(Shown(*split->rest, TypeKind::kJson), R"(null {"l":[1,"x"]} null)");
}

TEST(RestSplitTest, DamageIsTold) {
  EXPECT_EQ(SplitFromRest(*Texts({"[1]"}), {}).status().code(), Code::kCorruption);
  EXPECT_EQ(SplitFromRest(*Texts({R"({"a":)"}), {}).status().code(), Code::kCorruption);
}

TEST(RestSplitTest, ABatchTakesOnANewerSchema) {
  const Schema from = WithRestColumn(Schema(1, 1, {{1, "id", TypeKind::kInt64}}));
  std::vector<Column> columns = from.columns();
  columns.push_back({3, "c", TypeKind::kString});
  const Schema to(2, 3, columns);
  const auto batch =
      arrow::RecordBatch::Make(from.ToArrow(), 1,
                               {arrow::MakeArrayFromScalar(arrow::Int64Scalar(5), 1).ValueOrDie(),
                                Texts({R"({"c":"x","d":1})"})});
  const auto projected = ProjectRecords(batch, from, to);
  ASSERT_TRUE(projected.ok()) << projected.status().message();
  EXPECT_TRUE((*projected)->ValidateFull().ok());
  EXPECT_EQ(Shown(*(*projected)->column(1), TypeKind::kJson), R"({"d":1})");
  EXPECT_EQ(Shown(*(*projected)->column(2), TypeKind::kString), R"("x")");
}

}  // namespace
}  // namespace granary::json
