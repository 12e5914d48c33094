#include "granary/services/operation_node/farewells.h"

#include <gtest/gtest.h>

namespace granary::operation {
namespace {

struct FarewellsTest : ::testing::Test {
  Listener Make(const std::string& name, bool at_once) {
    return {name, at_once, [this, name](const std::string& tenant) {
              heard.push_back(name + " " + tenant);
              return away == name ? Status(Code::kUnavailable, "it is away") : Status::Ok();
            }};
  }
  std::vector<std::string> TakeHeard() { return std::exchange(heard, {}); }

  std::vector<std::string> heard;
  std::string away;
  Farewells farewells{{Make("gateway", true), Make("catalog", false)}};
};

using Heard = std::vector<std::string>;

TEST_F(FarewellsTest, OneIsToldAtOnceAndAllOnceMoreWhenTheNodeHasEnded) {
  EXPECT_EQ(farewells.Tell("a", false).code(), Code::kUnavailable);
  farewells.Work();
  EXPECT_EQ(TakeHeard(), Heard{"gateway a"});
  EXPECT_FALSE(farewells.Tell("a", false).ok());
  farewells.Work();
  EXPECT_EQ(TakeHeard(), Heard{});
  EXPECT_FALSE(farewells.Tell("a", true).ok()) << "what was told before the node had ended";
  farewells.Work();
  EXPECT_EQ(TakeHeard(), (Heard{"gateway a", "catalog a"}));
  EXPECT_TRUE(farewells.Tell("a", true).ok());
  EXPECT_FALSE(farewells.Tell("a", true).ok()) << "another tenant of that id is told of anew";
}

TEST_F(FarewellsTest, WhoIsAwayIsAskedAgainAndNamedAndTheOtherIsNot) {
  away = "catalog";
  EXPECT_FALSE(farewells.Tell("a", true).ok());
  farewells.Work();
  const Status waits = farewells.Tell("a", true);
  EXPECT_NE(waits.message().find("catalog"), std::string::npos) << waits.message();
  EXPECT_NE(waits.message().find("it is away"), std::string::npos) << waits.message();
  EXPECT_EQ(waits.message().find("gateway"), std::string::npos) << waits.message();
  farewells.Work();
  EXPECT_EQ(TakeHeard(), (Heard{"gateway a", "catalog a", "catalog a"}));
  away.clear();
  farewells.Work();
  EXPECT_TRUE(farewells.Tell("a", true).ok());
}

TEST(FarewellsOfNobodyTest, ADeletionDoesNotWaitWhereNobodyListens) {
  EXPECT_TRUE(Farewells({}).Tell("a", false).ok());
}

}  // namespace
}  // namespace granary::operation
