#include "granary/runtime/drain_rate.h"

#include <gtest/gtest.h>

namespace granary::runtime {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(DrainRateTest, IsKnownFromTheFirstSecondOn) {
  DrainRate rate;
  rate.Begin(5 * kSecond);
  EXPECT_FALSE(rate.PerSecond(6 * kSecond));
  for (int i = 1; i <= 20; ++i) rate.Count(5 * kSecond + i * kSecond / 20);
  EXPECT_NEAR(*rate.PerSecond(6 * kSecond), 20, 2);
  for (int i = 1; i <= 1200; ++i) rate.Count(6 * kSecond + i * kSecond / 20);
  EXPECT_NEAR(*rate.PerSecond(66 * kSecond), 20, 1);
}

TEST(DrainRateTest, SaysWhenTheLineWillBeGone) {
  DrainRate rate;
  rate.Begin(0);
  for (int i = 1; i <= 100; ++i) rate.Count(i * kSecond / 10);
  const std::int64_t now = 10 * kSecond;
  EXPECT_EQ(rate.RetryAfterSeconds(0, now), 1);
  EXPECT_EQ(rate.RetryAfterSeconds(5, now), 1);
  EXPECT_NEAR(static_cast<double>(rate.RetryAfterSeconds(100, now)), 10, 1);
  EXPECT_NEAR(static_cast<double>(rate.RetryAfterSeconds(300, now)), 30, 3);
  EXPECT_EQ(rate.RetryAfterSeconds(1'000'000, now), kRetryAfterMaxSeconds);
}

TEST(DrainRateTest, ALineThatStandsStillTakesLongerAndLonger) {
  DrainRate rate;
  rate.Begin(0);
  EXPECT_EQ(rate.RetryAfterSeconds(10, 0), 1);
  EXPECT_EQ(rate.RetryAfterSeconds(10, 7 * kSecond), 7);
  for (int i = 1; i <= 10; ++i) rate.Count(7 * kSecond + i * kSecond / 10);
  const auto soon = rate.RetryAfterSeconds(10, 8 * kSecond);
  EXPECT_GT(rate.RetryAfterSeconds(10, 30 * kSecond), 2 * soon);
  EXPECT_EQ(rate.RetryAfterSeconds(10, 3000 * kSecond), kRetryAfterMaxSeconds);
}

TEST(DrainRateTest, ANewLineForgetsTheOldOneAndAClockThatGoesBackDoesNoHarm) {
  DrainRate rate;
  rate.Begin(10 * kSecond);
  for (int i = 0; i < 100; ++i) rate.Count(11 * kSecond);
  rate.Begin(100 * kSecond);
  EXPECT_EQ(rate.RetryAfterSeconds(1000, 100 * kSecond), 1);
  rate.Count(50 * kSecond);
  EXPECT_EQ(rate.RetryAfterSeconds(1000, 20 * kSecond), 1);
}

}  // namespace
}  // namespace granary::runtime
