#include "granary/metadata/clickhouse_lease.h"

#include <gtest/gtest.h>

namespace granary::metadata {
namespace {

constexpr std::int64_t kNow = 1'000'000;

TEST(ClickHouseLeaseTest, IsTakenWhenNobodyHoldsItOrItsTimeIsOver) {
  EXPECT_EQ(DecideLease({"", 0, 0, kNow}, "me"), LeaseStep::kTake);
  EXPECT_EQ(DecideLease({"other", kNow, 3, kNow}, "me"), LeaseStep::kTake);
  EXPECT_EQ(DecideLease({"me", kNow, 3, kNow}, "me"), LeaseStep::kTake);
}

TEST(ClickHouseLeaseTest, AnotherOwnersIsRespectedToItsEnd) {
  EXPECT_EQ(DecideLease({"other", kNow + 1, 3, kNow}, "me"), LeaseStep::kRefused);
  EXPECT_EQ(DecideLease({"other", kNow + kLeaseMs, 3, kNow}, "me"), LeaseStep::kRefused);
}

TEST(ClickHouseLeaseTest, OursIsWrittenAgainLongBeforeItEnds) {
  EXPECT_EQ(DecideLease({"me", kNow + kLeaseMs, 3, kNow}, "me"), LeaseStep::kHold);
  EXPECT_EQ(DecideLease({"me", kNow + kLeaseMs - kRenewMs + 1, 3, kNow}, "me"), LeaseStep::kHold);
  EXPECT_EQ(DecideLease({"me", kNow + kLeaseMs - kRenewMs, 3, kNow}, "me"), LeaseStep::kRenew);
  EXPECT_EQ(DecideLease({"me", kNow + 1, 3, kNow}, "me"), LeaseStep::kRenew);
}

}  // namespace
}  // namespace granary::metadata
