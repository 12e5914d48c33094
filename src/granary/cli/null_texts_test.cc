#include "granary/cli/null_texts.h"

#include <gtest/gtest.h>

namespace granary::cli {
namespace {

/// In pieces of so many bytes.
std::string Passed(std::string_view file, std::size_t piece_bytes) {
  auto nulls = NullTexts::Make({"NA", "", "null"});
  EXPECT_TRUE(nulls.ok());
  std::string out;
  for (; !file.empty(); file.remove_prefix(std::min(piece_bytes, file.size())))
    nulls->Pass(file.substr(0, piece_bytes), out);
  nulls->Finish(out);
  return out;
}

struct Case {
  std::string_view file, passed;
};
constexpr Case kCases[] = {
    {"a,b\nNA,1\n2,NA\n", "a,b\n,1\n2,\n"},
    {"a,b\r\nnull,NA\r\n", "a,b\r\n,\r\n"},
    {"a,b\rNA,1\r", "a,b\r,1\r"},
    {"a,b\n1,NA", "a,b\n1,"},
    // The header's names, cells in quotes, and cells that have more to say.
    {"NA,b\n1,2\n", "NA,b\n1,2\n"},
    {"a,b\n\"NA\",\"\"\n", "a,b\n\"NA\",\"\"\n"},
    {"a,b\nNAN,N\nBNA,NA \nna,nullnull\n", "a,b\nNAN,N\nBNA,NA \nna,nullnull\n"},
    {"a,b\n\"x,NA,\nNA\n\",NA\n", "a,b\n\"x,NA,\nNA\n\",\n"},
    {"a,b\n\"x\"\",NA\",NA\n", "a,b\n\"x\"\",NA\",\n"},
    {"\"a\nb\",b\nNA,NA\n", "\"a\nb\",b\n,\n"},
    // A blank line is a record of one column, and of two it is none.
    {"a\nNA\n1\nNA\n", "a\n\n1\n\n"},
    {"a\n1\nNA", "a\n1\n\n"},
    {"a,b\nNA\n1,2\nNA", "a,b\nNA\n1,2\nNA"},
    {"", ""},
    {"NA", "NA"},
};

TEST(NullTextsTest, TakesOutCellsThatAreOneAndNothingElse) {
  for (const Case& one : kCases) {
    for (const std::size_t piece_bytes : {1, 2, 3, 5, 1000})
      EXPECT_EQ(Passed(one.file, piece_bytes), one.passed) << one.file << " by " << piece_bytes;
  }
}

TEST(NullTextsTest, WithoutAnyAllPasses) {
  std::string out;
  NullTexts none;
  none.Pass("a,b\nNA,\n", out);
  none.Finish(out);
  EXPECT_EQ(out, "a,b\nNA,\n");
}

TEST(NullTextsTest, RefusesWhatNoUnquotedCellCanBe) {
  for (const char* text : {"a,b", "\"\"", "a\n", "\r"}) {
    const auto made = NullTexts::Make({"NA", text});
    EXPECT_EQ(made.status().code(), Code::kInvalidArgument) << text;
    EXPECT_NE(made.status().message().find("--null"), std::string_view::npos);
  }
}

}  // namespace
}  // namespace granary::cli
