#include "granary/metadata/tab_separated.h"

#include <gtest/gtest.h>

namespace granary::metadata {
namespace {

TEST(TabSeparatedTest, WhatWasWrittenIsRead) {
  const std::vector<std::string> values = {
      "", "plain", "a\tb", "a\nb\r", "\\", "\\n", std::string("\0\b\f", 3), "\"'Ä"};
  std::string line;
  for (const std::string& value : values) {
    if (!line.empty() || &value != values.data()) line.push_back('\t');
    AppendTabSeparated(value, line);
  }
  const auto rows = ParseTabSeparated(line + "\n", values.size());
  ASSERT_TRUE(rows.ok()) << rows.status().ToString();
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ((*rows)[0], values);
}

TEST(TabSeparatedTest, ReadsWhatClickHouseEscapesBesides) {
  const auto rows = ParseTabSeparated("it\\'s\t1\nb\t2\n", 2);
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(*rows, (std::vector<std::vector<std::string>>{{"it's", "1"}, {"b", "2"}}));
  EXPECT_TRUE(ParseTabSeparated("", 2)->empty());
}

TEST(TabSeparatedTest, ACutAnswerIsNotTakenForAWholeOne) {
  const std::string whole = "a\t1\nb\\\\\t2\n";
  ASSERT_TRUE(ParseTabSeparated(whole, 2).ok());
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    const auto rows = ParseTabSeparated(whole.substr(0, cut), 2);
    EXPECT_TRUE(!rows.ok() || (cut == 4 && rows->size() == 1)) << cut;
  }
  EXPECT_EQ(ParseTabSeparated("a\\\n", 1).status().code(), Code::kCorruption);
  EXPECT_EQ(ParseTabSeparated("a\tb\tc\n", 2).status().code(), Code::kCorruption);
}

}  // namespace
}  // namespace granary::metadata
