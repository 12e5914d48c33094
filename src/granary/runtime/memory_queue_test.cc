#include "granary/runtime/memory_queue.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "granary/io/clock.h"
#include "granary/runtime/memory_wait.h"

namespace granary::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{60'000};

void AwaitWaiting(const MemoryQueue& queue, std::size_t waiting) {
  while (queue.counts().waiting != waiting) std::this_thread::yield();
}

TEST(MemoryQueueTest, TheLimitFitsAndOneByteMoreIsTooLarge) {
  MemoryBudget budget("all", 1000);
  MemoryQueue queue(kLong);
  EXPECT_TRUE(queue.Enter(budget, 999, CancelToken()).ok());
  EXPECT_TRUE(queue.Enter(budget, 1000, CancelToken()).ok());
  const auto refused = queue.Enter(budget, 1001, CancelToken());
  EXPECT_EQ(refused.status().code(), Code::kTooLarge);
  EXPECT_EQ(budget.reserved(), 0u);
}

TEST(MemoryQueueTest, WaitsUntilOthersGiveBack) {
  MemoryBudget budget("all", 1000);
  MemoryQueue queue(kLong);
  auto held = queue.Enter(budget, 800, CancelToken()).Take();
  std::thread waiter([&] { EXPECT_TRUE(queue.Enter(budget, 500, CancelToken()).ok()); });
  AwaitWaiting(queue, 1);
  EXPECT_FALSE(queue.TryEnter(budget, 1).has_value());  // There is room, but somebody came before.
  held = MemoryReservation();
  waiter.join();
  EXPECT_EQ(queue.counts().waited, 1u);
  EXPECT_TRUE(queue.TryEnter(budget, 1000).has_value());
  EXPECT_EQ(budget.reserved(), 0u);
}

TEST(MemoryQueueTest, ServesInTheOrderOfArrival) {
  MemoryBudget budget("all", 1000);
  MemoryQueue queue(kLong);
  auto held = queue.Enter(budget, 1000, CancelToken()).Take();
  std::vector<int> order;  // Guarded by the budget, which has room for one.
  std::vector<std::thread> threads;
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&, i] {
      const auto got = queue.Enter(budget, i == 0 ? 1000 : 501, CancelToken());
      order.push_back(i);
    });
    AwaitWaiting(queue, static_cast<std::size_t>(i) + 1);
  }
  held = MemoryReservation();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(MemoryQueueTest, IsRefusedWhenOthersHoldOnTooLong) {
  MemoryBudget budget("all", 1000);
  MemoryQueue queue(milliseconds(1));
  const auto held = queue.Enter(budget, 800, CancelToken());
  EXPECT_EQ(queue.Enter(budget, 500, CancelToken()).status().code(), Code::kOverloaded);
  EXPECT_EQ(queue.counts().refused, 1u);
  EXPECT_EQ(queue.counts().waiting, 0u);
  EXPECT_EQ(budget.reserved(), 800u);
}

TEST(MemoryQueueTest, WhoStandsBehindAnotherIsToldToComeBack) {
  constexpr std::uint64_t kMb = 1u << 20;
  MemoryBudget process("process", 100 * kMb);
  MemoryBudget one("query", 100 * kMb, &process), other("query", 100 * kMb, &process);
  MemoryQueue queue(MemoryWait::kSureAfter + milliseconds(200));
  process.Add(80 * kMb);
  std::thread first([&] {
    EXPECT_EQ(queue.Enter(one, 50 * kMb, CancelToken()).status().code(), Code::kOverloaded);
  });
  AwaitWaiting(queue, 1);
  EXPECT_EQ(queue.Enter(other, 50 * kMb, CancelToken()).status().code(), Code::kOverloaded);
  first.join();
  process.Release(80 * kMb);
}

TEST(MemoryQueueTest, ARequestThatLooksManyTimesIsRefusedOnce) {
  MemoryBudget budget("all", 1000);
  MemoryQueue queue(milliseconds(45));  // It looks every 10 ms.
  const auto held = queue.Enter(budget, 800, CancelToken());
  EXPECT_EQ(queue.Enter(budget, 500, CancelToken()).status().code(), Code::kOverloaded);
  EXPECT_EQ(budget.refusals(), 1u);
  EXPECT_EQ(queue.Enter(budget, 500, CancelToken()).status().code(), Code::kOverloaded);
  EXPECT_EQ(budget.refusals(), 2u);
}

TEST(MemoryQueueTest, ACancelledWaiterLeavesTheLine) {
  MemoryBudget budget("all", 1000);
  MemoryQueue queue(kLong);
  auto held = queue.Enter(budget, 800, CancelToken()).Take();
  CancelToken cancel;
  std::thread waiter(
      [&] { EXPECT_EQ(queue.Enter(budget, 500, cancel).status().code(), Code::kCancelled); });
  AwaitWaiting(queue, 1);
  const auto start = std::chrono::steady_clock::now();
  cancel.Cancel();
  waiter.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(50));
  EXPECT_TRUE(queue.TryEnter(budget, 200).has_value());
}

TEST(MemoryQueueTest, ADeadlineEndsTheWait) {
  MemoryBudget budget("all", 1000);
  MemoryQueue queue(kLong);
  const auto held = queue.Enter(budget, 800, CancelToken());
  const CancelToken soon(io::SystemClock().MonotonicNanos() + 1'000'000);
  EXPECT_EQ(queue.Enter(budget, 500, soon).status().code(), Code::kDeadlineExceeded);
}

}  // namespace
}  // namespace granary::runtime
