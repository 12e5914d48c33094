#include "granary/base/check.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

TEST(CheckDeathTest, StopsTheProcessAndPrintsValues) {
  const int a = 3;
  EXPECT_DEATH(GRANARY_CHECK(a < 2, "a={}", a), "check failed: a < 2: a=3");
  EXPECT_DEATH(GRANARY_CHECK(a < 2), "check_test.cc:[0-9]+: check failed: a < 2");
}

TEST(CheckTest, EvaluatesTheExpressionOnceAndGoesOn) {
  int calls = 0;
  GRANARY_CHECK(++calls == 1, "calls={}", calls);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace granary
