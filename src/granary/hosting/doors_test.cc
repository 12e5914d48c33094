#include "granary/hosting/doors.h"

#include <gtest/gtest.h>

namespace granary::hosting {
namespace {

TEST(DoorsTest, AreThreeWordsAndNoOther) {
  EXPECT_EQ(*ParseDoors("rest"), Doors::kRest);
  EXPECT_EQ(*ParseDoors("grpc"), Doors::kGrpc);
  EXPECT_EQ(*ParseDoors("both"), Doors::kBoth);
  for (const char* word : {"", "REST", "both ", "rest,grpc"}) {
    const auto doors = ParseDoors(word);
    EXPECT_EQ(doors.status().code(), Code::kInvalidArgument) << word;
    EXPECT_NE(doors.status().message().find("allowed: rest, grpc, both"), std::string::npos);
  }
}

}  // namespace
}  // namespace granary::hosting
