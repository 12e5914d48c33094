// Out and in again: every type, in every format.
#include "granary/formats/formats_test_support.h"

namespace granary::formats {
namespace {

class TableRoundTripTest : public ::testing::TestWithParam<TableFormat> {};

TEST_P(TableRoundTripTest, EveryValueComesBack) {
  const SchemaPtr schema = EveryType();
  const auto batch = EveryValue();
  const Got got = ReadAll(GetParam(), WriteTable(GetParam(), *schema, batch), schema);
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  EXPECT_EQ(ToText(*got.batch), ToText(*batch));
}

TEST_P(TableRoundTripTest, ChunksOfAnySizeAreTheSameTable) {
  const SchemaPtr schema = EveryType();
  const auto batch = EveryValue();
  const std::string body = WriteTable(GetParam(), *schema, batch, 50);
  const Got whole = ReadAll(GetParam(), body, schema);
  for (const std::size_t rows : {1, 3, 7, 1000}) {
    const Got got = ReadAll(GetParam(), body, schema, json::SchemaMode::kStrict,
                            {.chunk_rows = rows, .chunk_bytes = 1 << 20});
    ASSERT_TRUE(got.status.ok()) << got.status.ToString();
    EXPECT_GE(got.chunks, (200 + rows - 1) / rows);
    EXPECT_EQ(ToText(*got.batch), ToText(*whole.batch)) << rows;
  }
}

TEST_P(TableRoundTripTest, ATableWithoutRowsIsOne) {
  const SchemaPtr schema = EveryType();
  const auto batch = EveryValue()->Slice(0, 0);
  const Got got = ReadAll(GetParam(), WriteTable(GetParam(), *schema, batch), schema);
  EXPECT_TRUE(got.status.ok()) << got.status.ToString();
  EXPECT_EQ(got.chunks, 0u);
}

// Of a format that tells types; what CSV makes of its cells is text_formats_test's.
using TypedRoundTripTest = TableRoundTripTest;

TEST_P(TypedRoundTripTest, NewColumnsAreFound) {
  const SchemaPtr schema = EveryType();
  const auto empty = SchemaWith({});
  const std::string body = WriteTable(GetParam(), *schema, EveryValue());
  const Got got = ReadAll(GetParam(), body, empty, json::SchemaMode::kEvolve);
  ASSERT_TRUE(got.status.ok()) << got.status.ToString();
  ASSERT_EQ(got.schema->columns().size(), schema->columns().size());
  EXPECT_EQ(got.schema->version(), 2u);
  for (std::size_t i = 0; i < schema->columns().size(); ++i) {
    const Column& column = schema->columns()[i];
    EXPECT_EQ(got.schema->columns()[i].name, column.name);
    if (GetParam() == TableFormat::kArrow) {
      EXPECT_EQ(got.schema->columns()[i].type, column.type) << column.name;
    }
  }
  EXPECT_EQ(ReadAll(GetParam(), body, empty).status.code(), Code::kInvalidRecord);
}

TEST_P(TableRoundTripTest, DamageIsAnErrorAndNeverACrash) {
  const SchemaPtr schema = EveryType();
  const std::string body = WriteTable(GetParam(), *schema, EveryValue(), 3);
  const ReadLimits limits{.decode_bytes_max = 32 << 20};
  const std::size_t step = std::max<std::size_t>(body.size() / 400, 1);
  for (std::size_t at = 0; at < body.size(); at += step) {
    const Got cut =
        ReadAll(GetParam(), body.substr(0, at), schema, json::SchemaMode::kEvolve, limits);
    if (GetParam() == TableFormat::kArrow || GetParam() == TableFormat::kParquet) {
      EXPECT_FALSE(cut.status.ok()) << "cut at " << at;
    }
    for (const int bit : {0, 3, 7}) {
      std::string flipped = body;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      const Got got = ReadAll(GetParam(), flipped, schema, json::SchemaMode::kEvolve, limits);
      if (got.status.ok() && got.batch != nullptr) {
        EXPECT_TRUE(got.batch->ValidateFull().ok()) << "bit " << bit << " of " << at;
      }
      EXPECT_NE(got.status.code(), Code::kInternal) << at << ": " << got.status.ToString();
    }
  }
}

std::string NameOf(const ::testing::TestParamInfo<TableFormat>& format) {
  if (format.param == TableFormat::kCsv) return "Csv";
  return format.param == TableFormat::kArrow ? "Arrow" : "Parquet";
}

INSTANTIATE_TEST_SUITE_P(Formats, TableRoundTripTest,
                         ::testing::Values(TableFormat::kCsv, TableFormat::kArrow,
                                           TableFormat::kParquet),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Formats, TypedRoundTripTest,
                         ::testing::Values(TableFormat::kArrow, TableFormat::kParquet), NameOf);

}  // namespace
}  // namespace granary::formats
