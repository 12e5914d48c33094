#include "granary/json/lane_value.h"

#include <gtest/gtest.h>

namespace granary::json {
namespace {

std::string Kept(std::string_view value) {
  std::string scratch, back;
  const auto read = ReadLaneValue(value, scratch);
  if (!read) return "left";
  AppendLaneValue(*read, back);
  EXPECT_EQ(back, value);
  return std::string(LaneName(read->lane));
}

TEST(LaneValueTest, TakesWhatItCanWriteBackToTheDigit) {
  EXPECT_EQ(Kept(R"("")"), "string");
  EXPECT_EQ(Kept(R"("plain é")"), "string");
  EXPECT_EQ(Kept(R"("a\"b\\\n\u0001")"), "string");
  EXPECT_EQ(Kept("true"), "bool");
  EXPECT_EQ(Kept("false"), "bool");
  EXPECT_EQ(Kept("0"), "int64");
  EXPECT_EQ(Kept("-7"), "int64");
  EXPECT_EQ(Kept("9223372036854775807"), "int64");
  EXPECT_EQ(Kept("-9223372036854775807"), "int64");
  EXPECT_EQ(Kept("1.0"), "double");
  EXPECT_EQ(Kept("0.1"), "double");
  EXPECT_EQ(Kept("-0.0"), "double");
  EXPECT_EQ(Kept("1e+21"), "double");
}

TEST(LaneValueTest, LeavesWhatItCannot) {
  for (const std::string_view value :
       {"null", "{}", "[1]", "-0", "1e3", "1E+21", "1.00", "0.10", "9223372036854775808",
        "-9223372036854775809", "123456789012345678901234567890", "0.1000000000000000055", "1e400",
        R"("\u0041")", R"("\/")", "", "\"", "tru"}) {
    EXPECT_EQ(Kept(value), "left") << value;
  }
}

TEST(LaneValueTest, NamesOfLanesReadBack) {
  for (int i = 0; i < kLanes; ++i)
    EXPECT_EQ(ParseLane(LaneName(static_cast<Lane>(i))), static_cast<Lane>(i));
  EXPECT_EQ(ParseLane("int32"), std::nullopt);
}

}  // namespace
}  // namespace granary::json
