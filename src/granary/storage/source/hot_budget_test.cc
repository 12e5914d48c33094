// Goal: whoever waits for memory has a flush begun at once, but none twice, and none in vain again
// and again.
#include "granary/storage/source/hot_budget.h"

#include <gtest/gtest.h>

namespace granary::storage {
namespace {

class HotBudgetTest : public ::testing::Test {
 protected:
  int presses_ = 0;
  HotBudget budget_{1000, std::chrono::milliseconds(0), [this] { ++presses_; }};
};

TEST_F(HotBudgetTest, AFlushIsBegunOnceForAllThatAsk) {
  budget_.Add(500);
  budget_.Ask(10);
  EXPECT_EQ(presses_, 1);
  EXPECT_EQ(budget_.memory().asked_bytes, 10u);
  budget_.Ask(30);  // While it runs, every 10 ms.
  budget_.Ask(20);
  EXPECT_EQ(presses_, 1);
  EXPECT_EQ(budget_.memory().asked_bytes, 30u);
  budget_.Release(500);
  budget_.Answered(HotBudget::Answer::kFlushed);
  EXPECT_EQ(budget_.memory().asked_bytes, 0u) << "what was asked for before it ended is answered";
  budget_.Ask(10);
  EXPECT_EQ(presses_, 2) << "whoever still waits";
  budget_.Answered(HotBudget::Answer::kNothingHelps);
}

TEST_F(HotBudgetTest, WhereNothingHelpsNoneIsBegunBeforeFurtherRowsCome) {
  budget_.Add(5);
  budget_.Ask(10);
  EXPECT_EQ(presses_, 1);
  budget_.Answered(HotBudget::Answer::kNothingHelps);
  for (int i = 0; i < 100; ++i) budget_.Ask(10);
  EXPECT_EQ(presses_, 1);
  EXPECT_EQ(budget_.memory().asked_bytes, 10u) << "the next round by time knows";
  budget_.Answered(HotBudget::Answer::kNothingHelps);
  budget_.Add(400);
  budget_.Ask(10);
  EXPECT_EQ(presses_, 2);
  budget_.Release(405);
}

}  // namespace
}  // namespace granary::storage
