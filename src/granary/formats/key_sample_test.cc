#include "granary/formats/key_sample.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "granary/formats/formats_test_support.h"
#include "granary/formats/ndjson_reader.h"

namespace granary::formats {
namespace {

std::size_t Columns(const std::string& text, std::size_t most = 1000) {
  TextLines lines(BytesOf(text), LineRule::kPlain, {.chunk_bytes = 64 << 20});
  return ColumnsIn(lines.Next(1 << 20).Take(), most);
}

/// `rows` lines of one member each, whose names take turns.
std::string Sparse(int rows, int names) {
  std::string text;
  for (int i = 0; i < rows; ++i) text += fmt::format("{{\"c{}\":{}}}\n", i % names, i);
  return text;
}

TEST(KeySampleTest, CountsTheKeysOfObjectsThemselves) {
  EXPECT_EQ(Columns(R"({"a":1,"b":{"c":[{"d":2}],"e":"f"}, "g" : "h\",\"i"})"), 3u);
  EXPECT_EQ(Columns("{}\n[1,2]\n\"x\"\n{\"a\n{\"b\\"), 2u) << "what breaks off, too";
  EXPECT_EQ(Columns(Sparse(100, 7)), 7u);
  EXPECT_EQ(Columns(Sparse(100, 7), 5), 5u);
}

TEST(KeySampleTest, FindsAboutAsManyInALongBlock) {
  EXPECT_EQ(Columns(Sparse(60'000, 3)), 3u);
  EXPECT_GE(Columns(Sparse(60'000, 990)), 800u);
  std::string wide;
  for (int i = 0; i < 500; ++i) wide += fmt::format("{}\"w{}\":1", i == 0 ? "{" : ",", i);
  EXPECT_GE(Columns(Sparse(30'001, 2) + wide + "}\n" + Sparse(30'000, 2)), 500u)
      << "a long line is looked at";
}

// What is short as text may be long as columns.
TEST(NdjsonReaderTest, ChunksOfSparseRecordsAreCutByTheirCells) {
  constexpr int kRows = 20'000, kNames = 500;
  const ReadLimits limits{.chunk_bytes = 1 << 20};
  const std::string text = Sparse(kRows, kNames);
  ASSERT_LT(text.size(), limits.chunk_bytes);
  NdjsonReader reader(BytesOf(text), limits);
  std::uint64_t rows = 0;
  for (;;) {
    const auto chunk = reader.Next().Take();
    if (chunk == nullptr) break;
    EXPECT_LE(chunk->rows() * kNames, limits.cells_max());
    const auto parsed =
        chunk->Parse(std::make_shared<Schema>(), json::SchemaMode::kEvolve, nullptr).Take();
    EXPECT_EQ(parsed.batch->num_rows(), static_cast<std::int64_t>(chunk->rows()));
    rows += chunk->rows();
  }
  EXPECT_EQ(rows, static_cast<std::uint64_t>(kRows));
  NdjsonReader known(BytesOf(text), {.chunk_bytes = 1 << 20, .columns_known = 1000});
  EXPECT_LE(known.Next().Take()->rows() * 1000, limits.cells_max());
}

// The place of a wrong record is told as ever.
TEST(NdjsonReaderTest, ARecordOfALaterPieceHasItsPlace) {
  NdjsonReader reader(BytesOf(Sparse(20'000, 500) + "{\"c1\":}\n"), {.chunk_bytes = 1 << 20});
  const Got got = ReadAll(reader, std::make_shared<Schema>(), json::SchemaMode::kEvolve);
  EXPECT_TRUE(got.status.ToString().find("/20000") != std::string::npos &&
              got.status.ToString().find("line 20001") != std::string::npos)
      << got.status.ToString();
}

TEST(CsvReaderTest, ChunksOfManyColumnsAreCutByTheirCells) {
  std::string text;
  for (int i = 0; i < 900; ++i) text += fmt::format("{}c{}", i == 0 ? "" : ",", i);
  const std::string row = "\n1" + std::string(899, ',');
  for (int i = 0; i < 1'000; ++i) text += row;
  const ReadLimits limits{.chunk_bytes = 1 << 20};
  auto reader = MakeTableReader(TableFormat::kCsv, BytesOf(text), limits).Take();
  EXPECT_LE(reader->Next().Take()->rows() * 900, limits.cells_max());
}

}  // namespace
}  // namespace granary::formats
