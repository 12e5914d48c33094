#include "granary/storage/source/debt_gate.h"

#include <gtest/gtest.h>

#include <thread>

#include "granary/io/clock.h"

namespace granary::storage {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr DebtLimits kLimits{
    .slow_files = 10, .stop_files = 20, .delay_max = milliseconds(3'600'000)};

CompactionDebt Debt(std::uint64_t files) { return {.files = files, .bytes = 1, .partitions = 1}; }

TEST(DebtGateTest, WhoeverOwesNothingPasses) {
  DebtGate gate(kLimits);
  EXPECT_TRUE(gate.Pass({}).ok());
  gate.Set(Debt(9), kSecond);
  EXPECT_FALSE(gate.owes());
  EXPECT_TRUE(gate.Pass({}).ok());
  EXPECT_EQ(gate.counts(kSecond).slowed, 0u);
}

TEST(DebtGateTest, TooMuchIsRefusedAtOnceUntilItIsLess) {
  DebtGate gate(kLimits);
  gate.Set(Debt(20), kSecond);
  const Status refused = gate.Pass({});
  EXPECT_EQ(refused.code(), Code::kOverloaded);
  EXPECT_NE(refused.message().find("20 files of 1 partitions"), std::string::npos);
  EXPECT_EQ(gate.counts(kSecond).refused, 1u);
  gate.Set(Debt(3), 2 * kSecond);
  EXPECT_TRUE(gate.Pass({}).ok());
}

// The delay is an hour or more: only the merge can end the wait.
TEST(DebtGateTest, AMergeEndsTheWait) {
  DebtGate gate(kLimits);
  gate.Set(Debt(19), kSecond);
  std::thread writer([&] { EXPECT_TRUE(gate.Pass({}).ok()); });
  while (gate.counts(kSecond).slowed == 0) std::this_thread::yield();
  gate.Set(Debt(2), 2 * kSecond);
  writer.join();
}

TEST(DebtGateTest, WhoIsCancelledWaitsNoLonger) {
  DebtGate gate(kLimits);
  gate.Set(Debt(19), kSecond);
  runtime::CancelToken cancel;
  std::thread writer([&] { EXPECT_EQ(gate.Pass(cancel).code(), Code::kCancelled); });
  while (gate.counts(kSecond).slowed == 0) std::this_thread::yield();
  cancel.Cancel();
  writer.join();
  const runtime::CancelToken soon(io::SystemClock().MonotonicNanos() + 1'000'000);
  EXPECT_EQ(gate.Pass(soon).code(), Code::kDeadlineExceeded);
}

TEST(DebtGateTest, AShortDelayPassesByItself) {
  DebtGate gate({.slow_files = 10, .stop_files = 20, .delay_max = milliseconds(20)});
  gate.Set(Debt(19), kSecond);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(gate.Pass({}).ok());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(20));
}

TEST(DebtGateTest, SaysWhenToComeAgainByTheRateOfMerging) {
  DebtGate gate({.slow_files = 100, .stop_files = 1000});
  gate.Set(Debt(5000), kSecond);
  EXPECT_EQ(gate.counts(kSecond).retry_after_seconds, 1);
  for (int i = 1; i <= 10; ++i) gate.Set(Debt(5000 - 100u * i), kSecond + i * kSecond);
  const auto seconds = gate.counts(11 * kSecond).retry_after_seconds;  // 3900 at 100 a second.
  EXPECT_GE(seconds, 30);
  EXPECT_LE(seconds, 45);
  gate.Set(Debt(0), 12 * kSecond);
  EXPECT_EQ(gate.counts(12 * kSecond).retry_after_seconds, 1);
}

}  // namespace
}  // namespace granary::storage
