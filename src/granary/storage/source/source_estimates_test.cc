#include "granary/storage/source/source_estimates.h"

#include <gtest/gtest.h>

namespace granary::storage {
namespace {

constexpr std::int64_t kMinute = 60'000'000;

TEST(WhyRefreshTest, NothingChangedNothingToDo) {
  EXPECT_EQ(WhyRefresh({.exists = true, .rows = 10}, 1000 * kMinute, 30 * kMinute), "");
  EXPECT_EQ(WhyRefresh({}, 1000 * kMinute, 30 * kMinute), "") << "an empty source";
}

TEST(WhyRefreshTest, AtOnceWhereThereAreNone) {
  EXPECT_EQ(WhyRefresh({.records_since = 1, .changed = true}, 0, 30 * kMinute),
            "there are none yet");
}

TEST(WhyRefreshTest, AfterTheIntervalButNotBefore) {
  const EstimatesAge age{.exists = true, .made_us = 5, .rows = 1000, .changed = true};
  EXPECT_EQ(WhyRefresh(age, 5 + 30 * kMinute - 1, 30 * kMinute), "");
  EXPECT_EQ(WhyRefresh(age, 5 + 30 * kMinute, 30 * kMinute), "the interval is over");
}

TEST(WhyRefreshTest, WhenTheSourceGrewByATenthButNotAllTheTime) {
  EstimatesAge age{.exists = true, .rows = 1000, .records_since = 150, .changed = true};
  EXPECT_EQ(WhyRefresh(age, kRefreshLeastUs - 1, 30 * kMinute), "");
  EXPECT_EQ(WhyRefresh(age, kRefreshLeastUs, 30 * kMinute), "150 records came to 1000");
  age.records_since = 149;
  EXPECT_EQ(WhyRefresh(age, kRefreshLeastUs, 30 * kMinute), "");
}

}  // namespace
}  // namespace granary::storage
