#include "granary/net/request_id.h"

#include <set>

#include <gtest/gtest.h>

namespace granary::net {
namespace {

TEST(RequestIdTest, KeepsAGoodOneAndReplacesOthers) {
  RequestIdMaker maker;
  EXPECT_EQ(maker.Choose("aZ09_.:-+/=~"), "aZ09_.:-+/=~");
  EXPECT_EQ(maker.Choose("Root=1-67891233-abcdef012345678912345678"),
            "Root=1-67891233-abcdef012345678912345678");
  EXPECT_EQ(maker.Choose(std::string(128, 'x')), std::string(128, 'x'));
  for (const std::string& bad :
       {std::string(), std::string(129, 'x'), std::string("a b"), std::string("a\nb"),
        std::string("a\"b"), std::string("a\\b"), std::string("a<b"), std::string("\xc3\xa9"),
        std::string("a\0b", 3)}) {
    EXPECT_NE(maker.Choose(bad), bad);
    EXPECT_TRUE(IsRequestId(maker.Choose(bad)));
  }
}

TEST(RequestIdTest, NeverMakesTheSameTwice) {
  RequestIdMaker maker, other;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(seen.insert(maker.Choose({})).second);
    EXPECT_TRUE(seen.insert(other.Choose({})).second);
  }
}

}  // namespace
}  // namespace granary::net
