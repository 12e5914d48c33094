#include "granary/cli/csv_columns.h"

#include <fstream>

#include <gtest/gtest.h>

#include "granary/testing/temp_directory.h"

namespace granary::cli {
namespace {

/// "id int64, name string"
std::string ColumnsOf(std::string_view text, std::vector<std::string> nulls = {}) {
  const testing::TempDirectory folder;
  const std::string path = folder.path() + "/a.csv";
  std::ofstream(path) << text;
  const auto columns = InferCsvColumns(path, *NullTexts::Make(std::move(nulls)));
  if (!columns.ok()) return std::string(CodeName(columns.status().code()));
  std::string out;
  for (const auto& column : *columns)
    out += (out.empty() ? "" : ", ") + column.name + " " + column.type.ToString();
  return out;
}

TEST(InferCsvColumnsTest, NumbersKeepTheirDigitsAndTextsTheirZeroes) {
  EXPECT_EQ(ColumnsOf("a,b,c,d\n1,1.5,true,x\n2,2,FALSE,1\n"),
            "a int64, b float64, c bool, d string");
  EXPECT_EQ(ColumnsOf("a\n18446744073709551615\n1\n"), "a uint64");
  EXPECT_EQ(ColumnsOf("a\n18446744073709551615\n-1\n"), "a decimal(38,0)");
  EXPECT_EQ(ColumnsOf("a\n12345678901234567890123\n"), "a decimal(38,0)");
  EXPECT_EQ(ColumnsOf("a,b,c,d\n007,true,0x1F,+1\n12,1,2,3\n"),
            "a string, b string, c string, d string");
}

TEST(InferCsvColumnsTest, TextsThatAreAllTimesAreTimes) {
  EXPECT_EQ(ColumnsOf("d,t,s,f,z\n2024-01-15,10:00:00,2024-01-15 10:00,2024-01-15T10:00:00.5Z,"
                      "2024-01-15T10:00:00+02:00\n"),
            "d date, t time, s datetime64[s], f datetime64[ns], z datetime64[s]");
  EXPECT_EQ(ColumnsOf("a,b,c\n2024-01-15,2024-01-15,\"\"\n2024-01-15 10:00,x,2024-01-15\n"),
            "a datetime64[s], b string, c string");
  EXPECT_EQ(ColumnsOf("a\n1024-01-15T00:00:00.5Z\n"), "a datetime64[us]");
}

TEST(InferCsvColumnsTest, ColumnsStandAsInTheHeaderAndWithoutValuesNotAtAll) {
  EXPECT_EQ(ColumnsOf("late,never,early\n,,1\n2,,\n"), "late int64, early int64");
  EXPECT_EQ(ColumnsOf("a,b\nNA,NA\n1,\"NA\"\n", {"NA"}), "a int64, b string");
  EXPECT_EQ(ColumnsOf("a,b\nNA,1\n1,2\n"), "a string, b int64");
  EXPECT_EQ(ColumnsOf("a,b\n"), "");
}

TEST(InferCsvColumnsTest, AFileThatIsWrongHasNone) {
  EXPECT_EQ(ColumnsOf(""), "INVALID_REQUEST");
  EXPECT_EQ(ColumnsOf("a,a\n1,2\n"), "INVALID_REQUEST");
  EXPECT_EQ(ColumnsOf("a,b\n1\n"), "INVALID_RECORD");
  EXPECT_EQ(ColumnsOf("a\n1.5\n9007199254740993\n"), "INVALID_RECORD");
}

}  // namespace
}  // namespace granary::cli
