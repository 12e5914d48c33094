#include "granary/api/problem.h"

#include <gtest/gtest.h>

namespace granary::api {
namespace {

TEST(ProblemTest, SaysWhatWhereAndWhichRequest) {
  const auto status = Status::Invalid(Code::kUnknownColumn, "/filters/amnt",
                                      "no searched source has a column \"amnt\"");
  EXPECT_EQ(
      ProblemJson(status, "req-7"),
      R"({"type":"urn:granary:problem:unknown-column","title":"Unknown column","status":400,)"
      R"("detail":"/filters/amnt: no searched source has a column \"amnt\"","instance":"req-7",)"
      R"("code":"UNKNOWN_COLUMN","errors":[{"pointer":"/filters/amnt",)"
      R"("detail":"no searched source has a column \"amnt\""}]})");
}

TEST(ProblemTest, LeavesOutErrorsThatAreNotThere) {
  EXPECT_EQ(
      ProblemJson(Status::Unsupported("later"), "r"),
      R"({"type":"urn:granary:problem:unsupported","title":"Not offered by this version","status":501,)"
      R"("detail":"later","instance":"r","code":"UNSUPPORTED"})");
}

TEST(ProblemTest, TakesTheTransportsOwnStatus) {
  EXPECT_NE(ProblemJson({Code::kTooLarge, "head"}, "r", 431).find(R"("status":431)"),
            std::string::npos);
}

}  // namespace
}  // namespace granary::api
