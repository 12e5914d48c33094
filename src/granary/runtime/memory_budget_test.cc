#include "granary/runtime/memory_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace granary::runtime {
namespace {

constexpr std::uint64_t kStep = MemoryReservation::kSmallStepBytes;

TEST(MemoryBudgetTest, TakesUpToItsLimitAndNotOneByteMore) {
  MemoryBudget budget("all", 100);
  EXPECT_EQ(budget.TryReserve(99), nullptr);  // limit - 1
  EXPECT_EQ(budget.TryReserve(1), nullptr);   // limit
  EXPECT_EQ(budget.TryReserve(1), &budget);   // limit + 1
  EXPECT_EQ(budget.reserved(), 100u);
  EXPECT_EQ(budget.refusals(), 1u);
  budget.Release(100);
  EXPECT_EQ(budget.TryReserve(101), &budget);
  EXPECT_EQ(budget.TryReserve(MemoryBudget::kNoLimit), &budget);
  EXPECT_EQ(budget.reserved(), 0u);
  EXPECT_EQ(budget.peak(), 100u);
}

TEST(MemoryBudgetTest, ARefusalAboveLeavesNothingReservedBelow) {
  MemoryBudget process("process", 100);
  MemoryBudget tenant("tenant", MemoryBudget::kNoLimit, &process);
  MemoryBudget query("query", 1000, &tenant);
  EXPECT_EQ(query.reach(), 100u);
  EXPECT_EQ(query.TryReserve(60), nullptr);
  EXPECT_EQ(query.TryReserve(41), &process);
  EXPECT_EQ(query.reserved(), 60u);
  EXPECT_EQ(tenant.reserved(), 60u);
  EXPECT_EQ(process.reserved(), 60u);
  query.Release(60);
  EXPECT_EQ(process.reserved(), 0u);
}

TEST(MemoryBudgetTest, WhatIsThereAlreadyCountsPastTheLimit) {
  MemoryBudget process("process", 100);
  MemoryBudget hot("hot", 50, &process);
  hot.Add(120);
  EXPECT_EQ(process.reserved(), 120u);
  EXPECT_EQ(process.TryReserve(1), &process);
  hot.Release(120);
  EXPECT_EQ(process.TryReserve(1), nullptr);
  process.Release(1);
}

TEST(MemoryBudgetTest, CachesShrinkBeforeAnyoneIsRefused) {
  MemoryBudget process("process", 100);
  MemoryBudget cache("cache", 80, &process);
  MemoryBudget query("query", 100, &process);
  ASSERT_EQ(cache.TryReserve(80), nullptr);
  std::uint64_t held = 80;
  std::vector<std::uint64_t> asked;
  {
    const MemoryBudget::Reclaimer reclaimer(cache, [&](std::uint64_t bytes) {
      asked.push_back(bytes);
      const std::uint64_t given = std::min<std::uint64_t>(held, 30);
      held -= given;
      cache.Release(given);
      return given;
    });
    EXPECT_EQ(query.TryReserve(70), nullptr);  // Needs 50: two entries of 30.
    EXPECT_EQ(held, 20u);
    EXPECT_EQ(query.TryReserve(30), nullptr);  // Takes what is left.
    EXPECT_EQ(held, 0u);
    EXPECT_EQ(query.TryReserve(1), &query);  // Its own limit: no cache is in the way of that.
    EXPECT_EQ(process.TryReserve(1), &process);
    query.Release(100);
  }
  EXPECT_EQ(asked, (std::vector<std::uint64_t>{70, 70, 30, 1}));
  EXPECT_EQ(process.TryReserve(101), &process);  // Nobody is asked any more.
  EXPECT_EQ(asked.size(), 4u);
}

TEST(MemoryBudgetTest, ManyThreadsNeverPassTheLimit) {
  constexpr std::uint64_t kLimit = 1000;
  MemoryBudget process("process", kLimit);
  MemoryBudget left("left", 700, &process), right("right", 700, &process);
  std::atomic<std::uint64_t> granted = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      MemoryBudget& mine = t % 2 == 0 ? left : right;
      for (std::uint64_t i = 0; i < 20'000; ++i) {
        const std::uint64_t bytes = 1 + i * 7 % 400;
        if (mine.TryReserve(bytes) != nullptr) continue;
        granted.fetch_add(1);
        mine.Release(bytes);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(granted.load(), 0u);
  EXPECT_LE(process.peak(), kLimit);
  EXPECT_LE(left.peak(), 700u);
  EXPECT_LE(right.peak(), 700u);
  EXPECT_EQ(process.reserved(), 0u);
}

TEST(MemoryReservationTest, GrowsInStepsAndGivesBackOnEveryPath) {
  MemoryBudget budget("all", 10 * kStep);
  {
    MemoryReservation held(&budget);
    EXPECT_EQ(held.GrowTo(1), nullptr);
    EXPECT_EQ(budget.reserved(), kStep);
    EXPECT_EQ(held.GrowTo(kStep), nullptr);
    EXPECT_EQ(budget.reserved(), kStep);
    EXPECT_EQ(held.GrowTo(kStep + 1), nullptr);
    EXPECT_EQ(budget.reserved(), 2 * kStep);
    held.ShrinkTo(kStep / 2);
    EXPECT_EQ(budget.reserved(), kStep);
    MemoryReservation moved = std::move(held);
    EXPECT_EQ(moved.bytes(), kStep);
    EXPECT_EQ(held.bytes(), 0u);  // NOLINT: moved from on purpose
    MemoryReservation other(&budget);
    EXPECT_EQ(other.GrowTo(3 * kStep), nullptr);
    other = std::move(moved);
    EXPECT_EQ(budget.reserved(), 4 * kStep);  // Swapped: both are still held.
  }
  EXPECT_EQ(budget.reserved(), 0u);
}

TEST(MemoryReservationTest, TakesTheLastBytesThoughTheyAreNoWholeStep) {
  MemoryBudget budget("all", kStep + 10);
  MemoryReservation held(&budget);
  EXPECT_EQ(held.GrowTo(kStep + 9), nullptr);
  EXPECT_EQ(held.GrowTo(kStep + 10), nullptr);
  EXPECT_EQ(held.GrowTo(kStep + 11), &budget);
  EXPECT_EQ(held.bytes(), kStep + 10);
}

TEST(MemoryReservationTest, WhatMustBeIsCountedPastTheLimit) {
  MemoryBudget budget("all", kStep);
  MemoryReservation held(&budget);
  held.ForceTo(3 * kStep);
  EXPECT_EQ(budget.reserved(), 3 * kStep);
  EXPECT_EQ(held.GrowTo(3 * kStep + 1), &budget);
}

TEST(MemoryReservationTest, OfNoBudgetHasNoLimit) {
  MemoryReservation held;
  EXPECT_EQ(held.GrowTo(MemoryBudget::kNoLimit), nullptr);
  EXPECT_EQ(held.bytes(), 0u);
}

TEST(MemoryBudgetTest, NothingIsNeverRefused) {
  MemoryBudget budget("all", 100);
  budget.Add(150);
  EXPECT_EQ(budget.TryReserve(0), nullptr);
  EXPECT_EQ(budget.refusals(), 0u);
  budget.Release(150);
}

TEST(MemoryBudgetTest, WhatIsSmallGetsInWhateverOthersHold) {
  MemoryBudget process("process", 100);
  MemoryBudget bodies("bodies", MemoryBudget::kNoLimit, &process);
  process.Add(100);
  EXPECT_EQ(bodies.TryReserveSmall(MemoryBudget::kSmallBytes), nullptr);
  EXPECT_EQ(bodies.TryReserveSmall(1), &process) << "all that is small together";
  bodies.Release(MemoryBudget::kSmallBytes);
  EXPECT_EQ(bodies.TryReserveSmall(MemoryBudget::kSmallBytes + 1), &process);
  EXPECT_EQ(bodies.reserved(), 0u);
  process.Release(100);
}

TEST(MemoryBudgetTest, ThereIsRoomForAllButWhatIsTakenForGood) {
  MemoryBudget process("process", 100);
  MemoryBudget tenant("tenant", 80, &process);
  EXPECT_EQ(tenant.room(), 80u);
  process.NoteUnnamed(50);
  EXPECT_EQ(tenant.room(), 50u);
  process.NoteUnnamed(30);
  EXPECT_EQ(tenant.room(), 70u);
  process.NoteUnnamed(60);
  EXPECT_EQ(process.unnamed(), 60u);
  EXPECT_EQ(tenant.room(), 70u) << "some of it went away before";
  process.NoteUnnamed(10);
  EXPECT_EQ(tenant.room(), 80u);
  EXPECT_EQ(tenant.reach(), 80u);
}

TEST(MemoryBudgetTest, ThoseThatHoldMostAreAskedToMakeRoom) {
  MemoryBudget process("process", 1000);
  MemoryBudget one("one", 1000, &process), other("other", 1000, &process);
  std::uint64_t in_one = 100, in_other = 300;
  std::vector<std::pair<char, std::uint64_t>> asked;
  const auto reset = [&] { return std::exchange(asked, {}); };
  using Asked = std::vector<std::pair<char, std::uint64_t>>;
  MemoryBudget::Presser a(
      one, [&] { return in_one; }, [&](auto n) { asked.emplace_back('a', n); });
  {
    MemoryBudget::Presser b(
        other, [&] { return in_other; }, [&](auto n) { asked.emplace_back('b', n); });
    process.Press(300);
    EXPECT_EQ(reset(), (Asked{{'b', 300}}));
    process.Press(350);
    EXPECT_EQ(reset(), (Asked{{'b', 350}, {'a', 50}}));
    one.Press(350);
    EXPECT_EQ(reset(), (Asked{{'a', 350}})) << "the limit of one is in the way: not the other's";
    in_other = 0;
    process.Press(350);
    EXPECT_EQ(reset(), (Asked{{'a', 350}})) << "who holds nothing is left alone";
    in_other = 300;
  }
  process.Press(500);
  EXPECT_EQ(reset(), (Asked{{'a', 500}}));
}

TEST(NeverFitsTest, NamesTheLimitTheRoomAndWhatToDo) {
  MemoryBudget process("process", 100);
  MemoryBudget writes("writes", MemoryBudget::kNoLimit, &process);
  process.NoteUnnamed(40);
  const Status status = NeverFits(writes, 70, writes.room());
  EXPECT_EQ(status.code(), Code::kTooLarge);
  for (const char* part :
       {"70 bytes", "100 that \"process\" may take 60", "fewer records", "MEMORY_LIMIT_MB"})
    EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
}

TEST(OutOfMemoryTest, NamesWhoIsInTheWayAndAsksToComeBack) {
  MemoryBudget budget("queries", 100);
  budget.Add(90);
  const Status status = OutOfMemory(budget, 20);
  EXPECT_EQ(status.code(), Code::kOverloaded);
  EXPECT_NE(status.message().find("\"queries\" holds 90 of the 100"), std::string::npos)
      << status.message();
  budget.Release(90);
}

}  // namespace
}  // namespace granary::runtime
