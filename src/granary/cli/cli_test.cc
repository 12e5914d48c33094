#include <gtest/gtest.h>

#include <fstream>

#include "granary/cli/json_record_file.h"
#include "granary/cli/null_texts.h"
#include "granary/cli/progress_bar.h"
#include "granary/cli/query_command.h"
#include "granary/cli/record_file.h"
#include "granary/cli/text_table.h"
#include "granary/testing/temp_directory.h"

namespace granary::cli {
namespace {

std::string WriteTemporary(const testing::TempDirectory& folder, const std::string& name,
                           const std::string& text) {
  const std::string path = folder.path() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

std::string AllRecords(RecordFile& file, std::size_t at_once) {
  std::string out;
  for (;;) {
    auto count = file.Next(at_once, 1 << 20, out);
    EXPECT_TRUE(count.ok()) << count.status().ToString();
    if (!count.ok() || *count == 0) return out;
    out += '|';
  }
}

TEST(ChooseFormatTest, GoesByNameThenByEnding) {
  EXPECT_EQ(*ChooseFormat("", "a/b.csv"), FileFormat::kCsv);
  EXPECT_EQ(*ChooseFormat("", "b.jsonl"), FileFormat::kNdjson);
  EXPECT_EQ(*ChooseFormat("", "b.arrow"), FileFormat::kArrow);
  EXPECT_EQ(*ChooseFormat("parquet", "b.csv"), FileFormat::kParquet);
  EXPECT_EQ(ChooseFormat("", "noending").status().code(), Code::kInvalidArgument);
}

TEST(RecordFileTest, CsvComesAsBodiesWithTheHeaderInFront) {
  const testing::TempDirectory folder;
  const auto path = WriteTemporary(folder, "a.csv", "id,s\r\n1,NA\r\n\r\n2,\"a\n,NA\"\r\n3,\"NA\"");
  auto file = RecordFile::Open(path, FileFormat::kCsv, *NullTexts::Make({"NA"}));
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ((*file)->media_type(), "text/csv");
  std::string out;
  EXPECT_EQ(*(*file)->Next(2, 1 << 20, out), 2u);
  EXPECT_EQ(out, "id,s\n1,\n2,\"a\n,NA\"\n");
  EXPECT_EQ((*file)->first_line(), 2u);
  out.clear();
  EXPECT_EQ(*(*file)->Next(2, 1 << 20, out), 1u);
  EXPECT_EQ(out, "id,s\n3,\"NA\"\n");
  EXPECT_EQ((*file)->first_line(), 6u);
  EXPECT_EQ(*(*file)->Next(2, 1 << 20, out), 0u);
}

TEST(RecordFileTest, ABlankLineOfOneColumnIsARecord) {
  const testing::TempDirectory folder;
  const auto path = WriteTemporary(folder, "a.csv", "a\n1\n\nNA");
  auto file = RecordFile::Open(path, FileFormat::kCsv, *NullTexts::Make({"NA"}));
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  std::string out;
  EXPECT_EQ(*(*file)->Next(10, 1 << 20, out), 3u);
  EXPECT_EQ(out, "a\n1\n\n\n");
}

TEST(RecordFileTest, NdjsonPassesRecordsOnAsTheyStand) {
  const testing::TempDirectory folder;
  const auto path =
      WriteTemporary(folder, "a.ndjson", "{\"n\":9007199254740993}\n\n{\"n\":1.10}\n");
  auto file = RecordFile::Open(path, FileFormat::kNdjson);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(AllRecords(**file, 1), R"({"fields":{"n":9007199254740993}}|{"fields":{"n":1.10}}|)");
}

TEST(RecordFileTest, JsonArraySplitsIntoRecords) {
  const testing::TempDirectory folder;
  const auto path = WriteTemporary(folder, "a.json", R"([{"a": 1}, {"a": [2, {"b": 3}]}])");
  auto file = RecordFile::Open(path, FileFormat::kJson);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ(AllRecords(**file, 10), R"({"fields":{"a": 1}},{"fields":{"a": [2, {"b": 3}]}}|)");
  const auto broken = WriteTemporary(folder, "b.json", R"({"a": 1})");
  EXPECT_EQ(RecordFile::Open(broken, FileFormat::kJson).status().code(), Code::kInvalidJson);
}

TEST(SearchBodyTest, SaysWhatTheOptionsSay) {
  QueryOptions options;
  options.sources = {"a\"b"};
  options.filters = R"({"x":1})";
  options.columns = {"x"};
  options.order_by = {"x:desc", "y"};
  options.limit = 5;
  EXPECT_EQ(*SearchBody(options),
            R"({"limit":5,"source_ids":["a\"b"],"filters":{"x":1},"columns":["x"],)"
            R"("order_by":[{"column":"x","direction":"desc"},{"column":"y","direction":"asc"}]})");
  options.order_by = {"x:down"};
  EXPECT_EQ(SearchBody(options).status().code(), Code::kInvalidArgument);
}

TEST(TextTableTest, AlignsNumbersRightAndCountsCharactersNotBytes) {
  TextTable table({"name", "n"});
  table.Add({"é", "1"});
  table.Add({"abc", "1000"});
  EXPECT_EQ(table.ToString(), "name     n\n----  ----\né        1\nabc   1000\n");
}

TEST(ProgressLineTest, ShowsShareRowsAndRate) {
  EXPECT_EQ(ProgressLine("f", 0.5, 168388, 1234567),
            "f [############------------]  50 %  168,388 rows  1,234,567 rows/s");
  EXPECT_EQ(WithThousands(999), "999");
  EXPECT_EQ(WithThousands(1000), "1,000");
}

}  // namespace
}  // namespace granary::cli
