#include "granary/runtime/periodic.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <semaphore>
#include <thread>

namespace granary::runtime {
namespace {

constexpr auto kNever = std::chrono::hours(1000);

TEST(PeriodicJobTest, CallsAgainAndAgain) {
  std::latch three(3);
  std::atomic<int> calls = 0;
  PeriodicJob job("test", std::chrono::milliseconds(1), [&] {
    if (++calls <= 3) three.count_down();
  });
  three.wait();
}

TEST(PeriodicJobTest, APokeCallsAtOnce) {
  std::binary_semaphore called(0);
  PeriodicJob job("test", kNever, [&] { called.release(); });
  job.Poke();
  called.acquire();
  job.Poke();
  called.acquire();
}

TEST(PeriodicJobTest, APokeDuringACallIsFollowedByAnother) {
  std::counting_semaphore<> started(0);
  std::counting_semaphore<> go(0);
  PeriodicJob job("test", kNever, [&] {
    started.release();
    go.acquire();
  });
  job.Poke();
  started.acquire();
  job.Poke();
  go.release();
  started.acquire();
  go.release();
}

TEST(PeriodicJobTest, StopWaitsForTheRunningCallAndNoneFollows) {
  std::latch started(1);
  std::latch go(1);
  std::atomic<int> finished = 0;
  PeriodicJob job("a name longer than the kernel keeps", kNever, [&] {
    started.count_down();
    go.wait();
    ++finished;
  });
  job.Poke();
  started.wait();
  std::thread release([&] { go.count_down(); });
  job.Stop();
  EXPECT_EQ(finished, 1);
  job.Poke();
  job.Stop();
  EXPECT_EQ(finished, 1);
  release.join();
}

TEST(PeriodicJobTest, AnUnpokedJobOfALongIntervalEndsAtOnce) {
  int calls = 0;
  {
    PeriodicJob job("test", kNever, [&] { ++calls; });
  }
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace granary::runtime
