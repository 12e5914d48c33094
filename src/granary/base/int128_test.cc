#include "granary/base/int128.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

constexpr const char* kMaxText = "170141183460469231731687303715884105727";
constexpr const char* kMinText = "-170141183460469231731687303715884105728";

TEST(Int128Test, PrintsTheEnds) {
  EXPECT_EQ(ToString(kInt128Max), kMaxText);
  EXPECT_EQ(ToString(kInt128Min), kMinText);
  EXPECT_EQ(ToString(Int128{0}), "0");
  EXPECT_EQ(ToString(Int128{-10}), "-10");
}

TEST(Int128Test, ParsesWhatItPrints) {
  for (const char* text : {"0", "-1", "9223372036854775808", kMaxText, kMinText}) {
    const auto value = ParseInt128(text);
    ASSERT_TRUE(value.has_value()) << text;
    EXPECT_EQ(ToString(*value), text);
  }
  EXPECT_TRUE(ParseInt128("-0") == Int128{0});
  EXPECT_TRUE(ParseInt128("0000000000000000000000000000000000000000000007") == Int128{7});
}

TEST(Int128Test, RefusesWhatDoesNotFitOrIsNoInteger) {
  for (const char* text :
       {"", "-", "--1", "+1", " 1", "1 ", "1.0", "1e3", "0x10",
        "170141183460469231731687303715884105728", "-170141183460469231731687303715884105729",
        "1701411834604692317316873037158841057270"}) {
    EXPECT_FALSE(ParseInt128(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace granary
