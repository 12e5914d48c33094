#include "granary/json/batch_writer.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include "granary/base/int128.h"
#include "granary/types/number_text.h"
#include "granary/types/value.h"

namespace granary::json {
namespace {

std::string Quoted(std::string_view text) {
  std::string out;
  AppendString(text, out);
  return out;
}

std::string DoubleText(double value) {
  std::string out;
  AppendDouble(value, out);
  return out;
}

TEST(AppendStringTest, EscapesWhatJsonDemandsAndNothingElse) {
  EXPECT_EQ(Quoted(""), "\"\"");
  EXPECT_EQ(Quoted("plain text, 1 / 2"), "\"plain text, 1 / 2\"");
  EXPECT_EQ(Quoted("a\"b\\c\n\r\t\b\f"), R"("a\"b\\c\n\r\t\b\f")");
  EXPECT_EQ(Quoted(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  EXPECT_EQ(Quoted("caf\u00e9 \U0001F600"), "\"caf\u00e9 \U0001F600\"");
}

TEST(AppendStringTest, FindsASpecialByteAtEveryPlace) {
  for (std::size_t length = 1; length < 40; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      std::string text(length, 'a');
      text[at] = '"';
      EXPECT_EQ(Quoted(text), "\"" + text.substr(0, at) + "\\\"" + text.substr(at + 1) + "\"");
      text[at] = '\x01';
      EXPECT_EQ(Quoted(text), "\"" + text.substr(0, at) + "\\u0001" + text.substr(at + 1) + "\"");
      text[at] = '\xff';
      EXPECT_EQ(Quoted(text),
                "\"" + text.substr(0, at) + "\xEF\xBF\xBD" + text.substr(at + 1) + "\"");
    }
  }
}

TEST(AppendStringTest, RepairsInvalidUtf8) {
  EXPECT_EQ(Quoted("\xc3"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(Quoted("a\xc3\"b"), "\"a\xEF\xBF\xBD\\\"b\"");
  EXPECT_EQ(Quoted("\xed\xa0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(AppendDoubleTest, WritesNumbersAndNamesTheRest) {
  EXPECT_EQ(DoubleText(100.50), "100.5");
  EXPECT_EQ(DoubleText(100), "100.0");
  EXPECT_EQ(DoubleText(1e21), "1e+21");
  EXPECT_EQ(DoubleText(std::nan("")), "\"NaN\"");
  EXPECT_EQ(DoubleText(std::numeric_limits<double>::infinity()), "\"Infinity\"");
  EXPECT_EQ(DoubleText(-std::numeric_limits<double>::infinity()), "\"-Infinity\"");
  std::string out;
  AppendFloat(0.1f, out);
  EXPECT_EQ(out, "0.1");
}

TEST(BatchWriterTest, EscapesNamesAndWritesNulls) {
  const Schema schema(1, 2, {{1, "a\"b", TypeKind::kInt64}, {2, "u", TypeKind::kUuid}});
  const auto batch = arrow::RecordBatch::Make(
      schema.ToArrow(), 1,
      {MakeConstantArray(TypeKind::kInt64, Value{}, 1).Take(),
       MakeConstantArray(TypeKind::kUuid, std::string(16, '\xff'), 1).Take()});
  std::string out;
  BatchWriter(schema.columns()).AppendRow(*batch, 0, out);
  EXPECT_EQ(out, R"({"a\"b":null,"u":"ffffffff-ffff-ffff-ffff-ffffffffffff"})");
  out.clear();
  BatchWriter(schema.columns()).AppendValue(*batch, 1, 0, out);
  EXPECT_EQ(out, "\"ffffffff-ffff-ffff-ffff-ffffffffffff\"");
}

/// Rows are written in one piece where that is possible; the text is that of the values one by one.
TEST(BatchWriterTest, ARowIsItsValuesBetweenItsNames) {
  constexpr auto kLow = std::numeric_limits<std::int64_t>::min();
  constexpr auto kHigh = std::numeric_limits<std::int64_t>::max();
  struct Choice {
    DataType type;
    std::vector<Value> values;
  };
  const std::vector<Choice> choices = {
      {TypeKind::kString,
       {std::string(), std::string("seven77"), std::string("eight888"), std::string("eleven chars"),
        std::string("\"quoted\""), std::string("bad \xff byte"), std::string("tab\tat the end\t"),
        std::string(1000, 'x')}},
      {TypeKind::kBool, {true, false}},
      {TypeKind::kInt64, {kLow, std::int64_t{-1}, std::int64_t{0}, kHigh}},
      {TypeKind::kUInt64, {std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max()}},
      {TypeKind::kFloat32, {0.1F, std::numeric_limits<double>::infinity(), -1.5e-30}},
      {TypeKind::kFloat64,
       {100.0, 123.45, -0.0, 1e300, 5e-324, std::nan(""),
        -std::numeric_limits<double>::infinity()}},
      {DataType::Decimal(38, 38), {Int128{1}, -(PowerOfTen(38) - 1)}},
      {DataType::Decimal(38, 0), {-(PowerOfTen(38) - 1)}},
      {TypeKind::kDate, {std::int64_t{-719'162}, std::int64_t{19'737}, std::int64_t{2'932'896}}},
      {DataType::Timestamp(TimeUnit::kSecond), {kLow, kHigh, std::int64_t{0}}},
      {DataType::Timestamp(TimeUnit::kNano), {kLow, kHigh, std::int64_t{1}}},
      {TypeKind::kTime, {std::int64_t{0}, std::int64_t{86'399'999'999}}},
      {TypeKind::kUuid, {std::string(16, '\x9a')}},
      {TypeKind::kJson, {std::string(R"({"a":[1,"\u00e9"]})"), std::string("null")}},
      {TypeKind::kBinary, {std::string("\x00\x01", 2)}},
  };
  const std::uint64_t seed = 17;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2'000; ++round) {
    std::vector<Column> columns;
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    for (auto left = 1 + random() % 6; left > 0; --left) {
      // One row of sixteen has bytes, whose room nobody tells.
      const Choice& choice = choices[random() % (choices.size() - (random() % 16 == 0 ? 0 : 1))];
      std::string name = std::to_string(columns.size()) + std::string(random() % 48, 'n');
      if (random() % 8 == 0) name += '"';
      const Value value =
          random() % 4 == 0 ? Value{} : choice.values[random() % choice.values.size()];
      columns.push_back({static_cast<ColumnId>(columns.size() + 1), name, choice.type});
      fields.push_back(arrow::field(name, choice.type.ToArrow()));
      arrays.push_back(MakeConstantArray(choice.type, value, 1).Take());
    }
    const auto batch = arrow::RecordBatch::Make(arrow::schema(fields), 1, arrays);
    const BatchWriter writer(columns);
    std::string expected = "before{";
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) expected += ',';
      AppendString(columns[i].name, expected);
      expected += ':';
      writer.AppendValue(*batch, static_cast<int>(i), 0, expected);
    }
    std::string out = "before";
    writer.AppendRow(*batch, 0, out);
    ASSERT_EQ(out, expected + '}');
  }
}

TEST(BatchWriterTest, NoColumnsMakeAnEmptyObject) {
  const auto batch = arrow::RecordBatch::Make(arrow::schema({}), 1, arrow::ArrayVector{});
  std::string out;
  BatchWriter({}).AppendRow(*batch, 0, out);
  EXPECT_EQ(out, "{}");
}

TEST(BatchWriterTest, SlicesStartWhereTheyStart) {
  arrow::ListBuilder lists(arrow::default_memory_pool(), std::make_shared<arrow::BooleanBuilder>());
  auto& bools = static_cast<arrow::BooleanBuilder&>(*lists.value_builder());
  arrow::StringBuilder strings;
  arrow::FixedSizeBinaryBuilder uuids(arrow::fixed_size_binary(16));
  for (int row = 0; row < 20; ++row) {
    ASSERT_TRUE(lists.Append().ok());
    for (int i = 0; i < row % 3; ++i) ASSERT_TRUE(bools.Append(i % 2 == 1).ok());
    ASSERT_TRUE((row % 5 == 4 ? strings.AppendNull() : strings.Append(std::to_string(row))).ok());
    ASSERT_TRUE(uuids.Append(std::string(16, static_cast<char>(row))).ok());
  }
  const Schema schema(1, 3,
                      {{1, "l", DataType::List(TypeKind::kBool)},
                       {2, "s", TypeKind::kString},
                       {3, "u", TypeKind::kUuid}});
  const auto batch = arrow::RecordBatch::Make(
      schema.ToArrow(), 20,
      {lists.Finish().ValueOrDie(), strings.Finish().ValueOrDie(), uuids.Finish().ValueOrDie()});
  const BatchWriter writer(schema.columns());
  for (int start = 0; start < 20; ++start) {
    const auto slice = batch->Slice(start);
    for (int row = 0; row < slice->num_rows(); ++row) {
      std::string whole, sliced;
      writer.AppendRow(*batch, start + row, whole);
      writer.AppendRow(*slice, row, sliced);
      ASSERT_EQ(whole, sliced);
    }
  }
}

}  // namespace
}  // namespace granary::json
