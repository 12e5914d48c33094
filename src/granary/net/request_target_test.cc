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

TEST(RequestTargetTest, RefusesWhatItCannotDecode) {
  for (const char* bad : {"", "health", "*", "/%", "/%4", "/%zz", "/%4x", "/a%2Fb", "/a%2fb",
                          "/%00", "/%0a", "/%ff", "/x#y", "/x?a=%", "/x?a=%c3", "?x=1", "/a%7f"}) {
    EXPECT_EQ(ParseTarget(bad).status().code(), Code::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace granary::net
