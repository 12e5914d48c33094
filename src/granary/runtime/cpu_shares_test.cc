#include "granary/runtime/cpu_shares.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <thread>
#include <vector>

namespace granary::runtime {
namespace {

using Clock = std::chrono::steady_clock;

/// Threads that compute for one share until they are told to stop, and how often they went on.
struct Crowd {
  Crowd(Pacer& pacer, int count) {
    for (int i = 0; i < count; ++i) {
      threads.emplace_back([this, &pacer] {
        while (!stop) {
          pacer.Pace();
          // A slice is held, whether one computes or not: what is counted are slices' parts.
          std::this_thread::yield();
          ++rounds;
        }
      });
    }
  }
  ~Crowd() {
    stop = true;
    for (std::thread& thread : threads) thread.join();
  }
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> rounds = 0;
  std::vector<std::thread> threads;
};

TEST(CpuSharesTest, WhoIsAloneNeverWaits) {
  CpuShares shares([] { return std::size_t{1}; });
  const auto one = shares.NewShare();
  constexpr int kThreads = 4;
  std::latch inside(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      one->Pace();
      inside.arrive_and_wait();  // All have a slice at once, though there is one CPU.
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(CpuSharesTest, ANewcomerGetsItsPartThoughOthersHaveMoreThreads) {
  CpuShares shares([] { return std::size_t{2}; });
  const auto many = shares.NewShare();
  const auto few = shares.NewShare();
  Crowd crowd(*many, 12);
  while (crowd.rounds < 100) std::this_thread::yield();
  // Its first slice is there at once: of two CPUs one is its part.
  const auto began = Clock::now();
  few->Pace();
  EXPECT_LT(Clock::now() - began, std::chrono::milliseconds(CpuShares::kWaitMaxMs));
  CpuShares::EndSlice();
}

TEST(CpuSharesTest, WithOneCpuAShareOfManyThreadsHasOneSliceAtATimeBesideAnother) {
  CpuShares shares([] { return std::size_t{1}; });
  const auto many = shares.NewShare();
  const auto few = shares.NewShare();
  Crowd other(*few, 8);  // Some of them always wait, so that this share is always there.
  while (other.rounds < 100) std::this_thread::yield();
  // Four threads want a slice: one gets it at once, the next when that has run out, and so on.
  constexpr int kThreads = 4;
  std::latch begin(kThreads);
  std::vector<std::thread> threads;
  std::atomic<std::int64_t> longest_ns = 0;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      begin.arrive_and_wait();
      const auto began = Clock::now();
      many->Pace();
      const std::int64_t waited_ns = (Clock::now() - began).count();
      for (std::int64_t seen = longest_ns; waited_ns > seen;)
        if (longest_ns.compare_exchange_weak(seen, waited_ns)) break;
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::nanoseconds slices =
      (kThreads - 1) * std::chrono::milliseconds(CpuShares::kSliceMs);
  EXPECT_GE(longest_ns, slices.count());
}

TEST(CpuSharesTest, NobodyWaitsLongerThanTheMostThereIs) {
  CpuShares shares([] { return std::size_t{1}; });
  const auto a = shares.NewShare();
  const auto b = shares.NewShare();
  Crowd crowd_a(*a, 6), crowd_b(*b, 6);
  while (crowd_a.rounds < 100 || crowd_b.rounds < 100) std::this_thread::yield();
  std::vector<std::thread> more;
  std::atomic<int> late = 0;
  for (int i = 0; i < 4; ++i) {
    more.emplace_back([&] {
      const auto began = Clock::now();
      a->Pace();
      // Its bound, and what a busy machine takes to wake a thread.
      if (Clock::now() - began > std::chrono::milliseconds(20 * CpuShares::kWaitMaxMs)) ++late;
      CpuShares::EndSlice();
    });
  }
  for (std::thread& thread : more) thread.join();
  EXPECT_EQ(late, 0);
}

TEST(CpuSharesTest, ATokenThatIsPacedTellsItsPacerAndIsTheSameToken) {
  struct Counting final : Pacer {
    void Pace() override { ++calls; }
    int calls = 0;
  } pacer;
  CancelToken token;
  const CancelToken paced = token.Paced(&pacer);
  EXPECT_TRUE(paced.Check().ok());
  EXPECT_EQ(pacer.calls, 1);
  EXPECT_TRUE(token.Check().ok());
  EXPECT_EQ(pacer.calls, 1);
  token.Cancel();
  EXPECT_EQ(paced.Check().code(), Code::kCancelled);
  EXPECT_TRUE(CancelToken().Paced(nullptr).Check().ok());
}

}  // namespace
}  // namespace granary::runtime
