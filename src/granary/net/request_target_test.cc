#include "granary/net/request_target.h"

#include <gtest/gtest.h>

namespace granary::net {
namespace {

TEST(RequestTargetTest, DecodesPathAndQuery) {
  const auto target = ParseTarget("/sources/a%20b%C3%A9?keep_data=true&x=a+b%2B&flag&=");
  ASSERT_TRUE(target.ok()) << target.status().ToString();
  EXPECT_EQ(target->path, "/sources/a b\xc3\xa9");
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"keep_data", "true"}, {"x", "a b+"}, {"flag", ""}, {"", ""}};
  EXPECT_EQ(target->query, expected);
}

TEST(RequestTargetTest, KeepsAPlusInAPath) { EXPECT_EQ(ParseTarget("/a+b")->path, "/a+b"); }

TEST(RequestTargetTest, UnderstandsTheAbsoluteForm) {
  EXPECT_EQ(ParseTarget("http://node:8000/health?x=1")->path, "/health");
  EXPECT_EQ(ParseTarget("http://node:8000")->path, "/");
}

TEST(RequestTargetTest, WhatIsWrittenReadsTheSame) {
  for (const char* text : {"/", "/sources/a%20b?x=1", "/a+b?c=d+e&f=%26%3D%2B&g", "/%C3%A9//x/?&",
                           "/a/../b/.?p=%2F%3F%23"}) {
    const auto target = ParseTarget(text);
    ASSERT_TRUE(target.ok()) << text;
    const auto again = ParseTarget(FormatTarget(target->path, target->query));
    ASSERT_TRUE(again.ok()) << text;
    EXPECT_EQ(again->path, target->path);
    EXPECT_EQ(again->query, target->query);
  }
  EXPECT_EQ(FormatTarget("/a b/\xc3\xa9", {{"x", "1&2"}, {"y", ""}}), "/a%20b/%C3%A9?x=1%262&y=");
}

TEST(RequestTargetTest, RefusesWhatItCannotDecode) {
  for (const char* bad : {"", "health", "*", "/%", "/%4", "/%zz", "/%4x", "/a%2Fb", "/a%2fb",
                          "/%00", "/%0a", "/%ff", "/x#y", "/x?a=%", "/x?a=%c3", "?x=1", "/a%7f"}) {
    EXPECT_EQ(ParseTarget(bad).status().code(), Code::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace granary::net
