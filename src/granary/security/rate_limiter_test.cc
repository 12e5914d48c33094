#include "granary/security/rate_limiter.h"

#include <gtest/gtest.h>

#include "granary/security/login_guard.h"

namespace granary::security {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(RateLimiterTest, ABucketHoldsItsBurstAndFillsWithItsRate) {
  RateLimiter limiter(10);
  const RateRequest request{"key:a", {.per_second = 2, .burst = 4}};
  for (int i = 3; i >= 0; --i) {
    const RateDecision decision = limiter.Take({&request, 1}, 0);
    EXPECT_TRUE(decision.allowed);
    EXPECT_EQ(decision.limit, 4);
    EXPECT_EQ(decision.remaining, i);
  }
  const RateDecision refused = limiter.Take({&request, 1}, 0);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_EQ(refused.retry_after_s, 1);
  EXPECT_EQ(refused.reset_s, 2);
  EXPECT_FALSE(limiter.Take({&request, 1}, kSecond / 2 - 1).allowed);
  EXPECT_TRUE(limiter.Take({&request, 1}, kSecond / 2).allowed);
  EXPECT_FALSE(limiter.Take({&request, 1}, kSecond / 2).allowed);
  // Full again, and no fuller.
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(limiter.Take({&request, 1}, 100 * kSecond).allowed);
  EXPECT_FALSE(limiter.Take({&request, 1}, 100 * kSecond).allowed);
}

TEST(RateLimiterTest, ARefusedRequestCostsNothingAnywhere) {
  RateLimiter limiter(10);
  const RateRequest both[] = {{"key:a", {.per_second = 1, .burst = 10}},
                              {"tenant:t", {.per_second = 1, .burst = 1}}};
  EXPECT_TRUE(limiter.Take(both, 0).allowed);
  const RateDecision refused = limiter.Take(both, 0);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.bucket, "tenant:t");
  EXPECT_EQ(limiter.Take({&both[0], 1}, 0).remaining, 8);
}

TEST(RateLimiterTest, WithoutALimitNothingIsCounted) {
  RateLimiter limiter(10);
  const RateRequest request{"key:a", {.per_second = 0}};
  const RateDecision decision = limiter.Take({&request, 1}, 0);
  EXPECT_TRUE(decision.allowed);
  EXPECT_FALSE(decision.limited);
  EXPECT_EQ(limiter.size(), 0u);
}

TEST(RateLimiterTest, AClockThatGoesBackGivesNothing) {
  RateLimiter limiter(10);
  const RateRequest request{"key:a", {.per_second = 1, .burst = 1}};
  EXPECT_TRUE(limiter.Take({&request, 1}, 100 * kSecond).allowed);
  EXPECT_FALSE(limiter.Take({&request, 1}, 50 * kSecond).allowed);
  EXPECT_FALSE(limiter.Take({&request, 1}, 100 * kSecond).allowed);
  EXPECT_TRUE(limiter.Take({&request, 1}, 101 * kSecond).allowed);
}

TEST(RateLimiterTest, NamesThatSomebodyMakesUpTakeNoMemory) {
  RateLimiter limiter(100);
  for (int i = 0; i < 10'000; ++i) {
    const RateRequest request{"address:" + std::to_string(i), {.per_second = 1, .burst = 1}};
    EXPECT_TRUE(limiter.Take({&request, 1}, 0).allowed);
    EXPECT_LE(limiter.size(), 100u);
  }
}

TEST(BoundedTableTest, TheLeastRecentlyUsedGoes) {
  BoundedTable<int> table(2);
  table.Get("a", [] { return 1; });
  table.Get("b", [] { return 2; });
  EXPECT_NE(table.Find("a"), nullptr);
  table.Get("c", [] { return 3; });
  EXPECT_EQ(table.Find("b"), nullptr);
  EXPECT_EQ(*table.Find("a"), 1);
  table.Erase("a");
  EXPECT_EQ(table.Find("a"), nullptr);
  EXPECT_EQ(table.size(), 1u);
}

TEST(LoginGuardTest, EachFailureDoublesTheWaitUpToTheLongest) {
  LoginGuard guard({.account = {.free = 3, .first_wait_s = 1, .wait_max_s = 5, .forget_s = 100}});
  std::int64_t now = 0;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(guard.Begin("ada", "1.2.3.4", now), 0) << i;
  for (const std::int64_t wait : {1, 2, 4, 5, 5}) {
    EXPECT_EQ(guard.Begin("ada", "1.2.3.4", now), wait);
    EXPECT_EQ(guard.Begin("ada", "5.6.7.8", now), wait) << "another address is no way around";
    EXPECT_EQ(guard.Begin("ada", "1.2.3.4", now + wait * kSecond - 1), 1);
    now += wait * kSecond;
    EXPECT_EQ(guard.Begin("ada", "1.2.3.4", now), 0);
  }
  EXPECT_EQ(guard.Begin("bob", "1.2.3.4", now), 0);
}

TEST(LoginGuardTest, AnAttemptThatIsUndoneWasNone) {
  LoginGuard guard({.account = {.free = 2}, .address = {.free = 2}});
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(guard.Begin("ada", "here", i), 0) << i;
    guard.Undo("ada", "here");
  }
  EXPECT_EQ(guard.Begin("ada", "here", 10), 0);
  EXPECT_EQ(guard.Begin("ada", "here", 11), 0);
  EXPECT_GT(guard.Begin("ada", "here", 12), 0);
  guard.Undo("nobody", "nowhere");
}

TEST(LoginGuardTest, ManyAttemptsAtOnceAreNoWayAround) {
  LoginGuard guard({.account = {.free = 5}});
  int begun = 0;
  for (int i = 0; i < 100; ++i) begun += guard.Begin("ada", "1.2.3.4", 7) == 0 ? 1 : 0;
  EXPECT_EQ(begun, 5);
}

TEST(LoginGuardTest, AnAddressThatTriesManyAccountsWaits) {
  LoginGuard guard({.account = {.free = 5}, .address = {.free = 4, .first_wait_s = 8}});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(guard.Begin(std::to_string(i), "1.2.3.4", 0), 0);
  EXPECT_EQ(guard.Begin("9", "1.2.3.4", 0), 8);
  EXPECT_EQ(guard.Begin("9", "4.3.2.1", 0), 0);
}

TEST(LoginGuardTest, SuccessForgivesTheAccountAndNotTheAddress) {
  LoginGuard guard({.account = {.free = 2}, .address = {.free = 3, .first_wait_s = 8}});
  EXPECT_EQ(guard.Begin("guess", "1.2.3.4", 0), 0);
  EXPECT_EQ(guard.Begin("guess", "1.2.3.4", 0), 0);
  for (int i = 0; i < 5; ++i) {  // An account of one's own in between.
    ASSERT_EQ(guard.Begin("mine", "1.2.3.4", 0), 0);
    guard.Succeeded("mine", "1.2.3.4");
  }
  EXPECT_EQ(guard.Begin("other", "1.2.3.4", 0), 0);
  EXPECT_EQ(guard.Begin("other", "1.2.3.4", 0), 8);
}

TEST(LoginGuardTest, FailuresAreForgottenAfterAWhile) {
  LoginGuard guard({.account = {.free = 1, .first_wait_s = 50, .wait_max_s = 50, .forget_s = 60}});
  EXPECT_EQ(guard.Begin("ada", "1.2.3.4", 0), 0);
  EXPECT_EQ(guard.Begin("ada", "1.2.3.4", 0), 50);
  EXPECT_EQ(guard.Begin("ada", "1.2.3.4", 60 * kSecond), 0);
  EXPECT_EQ(guard.Begin("ada", "1.2.3.4", 60 * kSecond), 50);
}

// Of an office behind one address somebody slips now and then, and somebody logs in all the time.
TEST(LoginGuardTest, FailuresOfAnAddressAreForgottenWhileOthersLogIn) {
  LoginGuard guard({.address = {.free = 2, .first_wait_s = 50, .wait_max_s = 50, .forget_s = 60}});
  const auto log_in = [&](std::int64_t now) {
    const bool begun = guard.Begin("mine", "1.2.3.4", now) == 0;
    if (begun) guard.Succeeded("mine", "1.2.3.4");
    return begun;
  };
  EXPECT_EQ(guard.Begin("a", "1.2.3.4", 0), 0);
  for (std::int64_t second = 1; second < 60; ++second) EXPECT_TRUE(log_in(second * kSecond));
  EXPECT_EQ(guard.Begin("b", "1.2.3.4", 60 * kSecond), 0);
  EXPECT_TRUE(log_in(60 * kSecond)) << "the first failure is forgotten";
  for (int slip = 0; slip < 20; ++slip) {
    const std::int64_t now = (100 + slip * 40) * kSecond;
    EXPECT_EQ(guard.Begin(std::to_string(slip), "1.2.3.4", now), 0);
    EXPECT_TRUE(log_in(now)) << slip;
  }
}

TEST(LoginGuardTest, ASuccessDoesNotMakeTheOldFailuresNew) {
  LoginGuard guard({.address = {.free = 3, .first_wait_s = 10, .wait_max_s = 10, .forget_s = 600}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(guard.Begin(std::to_string(i), "1.2.3.4", 0), 0);
  EXPECT_EQ(guard.Begin("mine", "1.2.3.4", 9 * kSecond), 1);
  EXPECT_EQ(guard.Begin("mine", "1.2.3.4", 10 * kSecond), 0);
  guard.Succeeded("mine", "1.2.3.4");
  EXPECT_EQ(guard.Begin("mine", "1.2.3.4", 10 * kSecond), 0) << "its wait was over already";
}

TEST(LoginGuardTest, ANetworkOfIPv6IsOneOwner) {
  EXPECT_EQ(AddressOwner("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(AddressOwner("2001:db8::1"), AddressOwner("2001:db8:0:0:ffff::2"));
  EXPECT_NE(AddressOwner("2001:db8::1"), AddressOwner("2001:db8:0:1::1"));
}

}  // namespace
}  // namespace granary::security
