// Goal: whoever waits has room made, gets it when it is there, and is told whether to come back.
#include "granary/runtime/memory_wait.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "granary/runtime/cancel.h"
#include "granary/runtime/memory_queue.h"

namespace granary::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{60'000};

TEST(MemoryWaitTest, WhoWaitsHasRoomMadeAndGetsIt) {
  MemoryBudget process("process", 1000);
  MemoryBudget hot("hot", 1000, &process), query("query", 1000, &process);
  hot.Add(900);
  std::atomic<int> asked = 0;
  std::thread flush;
  MemoryBudget::Presser presser(
      hot, [&] { return hot.reserved(); },
      [&](std::uint64_t bytes) {
        EXPECT_EQ(bytes, 200u);
        if (asked++ == 0) flush = std::thread([&] { hot.Release(900); });
      });
  MemoryQueue queue(kLong);
  EXPECT_TRUE(queue.Enter(query, 200, CancelToken()).ok());
  flush.join();
  EXPECT_GE(asked, 1);
  EXPECT_EQ(queue.counts().waited, 1u);
  EXPECT_TRUE(queue.Enter(query, 800, CancelToken()).ok());
  EXPECT_EQ(queue.counts().waited, 1u) << "who need not wait asks nobody";
}

TEST(MemoryWaitTest, WhatOthersHoldIsWaitedForAndThenToldToComeBack) {
  constexpr std::uint64_t kMb = 1u << 20;
  MemoryBudget process("process", 100 * kMb);
  MemoryBudget mine("mine", MemoryBudget::kNoLimit, &process);
  process.NoteUnnamed(10 * kMb);
  process.Add(95 * kMb);
  MemoryWait wait(mine, MemoryWait::kSureAfter + milliseconds(1));
  const MemoryBudget* refused_by = mine.TryReserve(50 * kMb);
  ASSERT_EQ(refused_by, &process);
  int looks = 0;
  while (wait.Pause(*refused_by, 0, 50 * kMb)) ++looks;
  EXPECT_GE(looks, 2);
  EXPECT_EQ(wait.Refusal(process, 0, 50 * kMb).code(), Code::kOverloaded);
  EXPECT_EQ(wait.Refusal(process, 40 * kMb, 50 * kMb).code(), Code::kOverloaded) << "just fits";
  const Status never = wait.Refusal(process, 40 * kMb + 1, 50 * kMb);
  EXPECT_EQ(never.code(), Code::kTooLarge);
  EXPECT_NE(never.message().find("94371841 bytes"), std::string::npos) << never.message();
  process.Release(95 * kMb);
}

// What is unnamed may go away, pages that the allocator keeps: nobody is sure at once, and what is
// small fits another time.
TEST(MemoryWaitTest, WhoFindsNoRoomThoughNobodyElseHoldsAnyIsToldSoAfterAWhile) {
  constexpr std::uint64_t kMb = 1u << 20;
  MemoryBudget process("process", 100 * kMb);
  process.NoteUnnamed(10 * kMb);
  process.NoteUnnamed(60 * kMb);
  process.Add(80 * kMb);  // 20 of it its own.
  MemoryWait brief(process, milliseconds(0));
  EXPECT_FALSE(brief.Pause(process, 20 * kMb, 21 * kMb));
  EXPECT_EQ(brief.Refusal(process, 20 * kMb, 21 * kMb).code(), Code::kOverloaded);
  MemoryWait wait(process, kLong);
  while (wait.Pause(process, 20 * kMb, 21 * kMb)) {
  }
  EXPECT_EQ(wait.Refusal(process, 0, 12 * kMb).code(), Code::kOverloaded) << "an eighth";
  const Status never = wait.Refusal(process, 20 * kMb, 21 * kMb);
  EXPECT_EQ(never.code(), Code::kTooLarge);
  EXPECT_NE(never.message().find("may take 41943040 are all"), std::string::npos)
      << never.message();
  process.Release(80 * kMb);
}

}  // namespace
}  // namespace granary::runtime
