#include "granary/runtime/delayed_job.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <semaphore>
#include <thread>

#include "granary/io/clock.h"

namespace granary::runtime {
namespace {

using std::chrono::microseconds;

/// Moved by the test, which hears when it is looked at.
class WatchedClock final : public io::Clock {
 public:
  std::int64_t WallMicros() const override { return 0; }
  std::int64_t MonotonicNanos() const override {
    looks_.release();
    return now_ns_;
  }
  void Set(std::int64_t us) { now_ns_ = us * 1000; }
  /// Returns once it was looked at so often again.
  void AwaitLooks(int count) {
    while (looks_.try_acquire()) {
    }
    for (int i = 0; i < count; ++i) looks_.acquire();
  }

 private:
  mutable std::counting_semaphore<> looks_{0};
  std::atomic<std::int64_t> now_ns_ = 0;
};

TEST(DelayedJobTest, CallsOnceForAnAskAndNotBeforeItsTime) {
  WatchedClock clock;
  std::counting_semaphore<> called(0);
  DelayedJob job("test", clock, microseconds(1000), [&] { called.release(); });
  job.Ask();
  job.Ask();
  clock.Set(999);
  clock.AwaitLooks(3);
  EXPECT_FALSE(called.try_acquire()) << "a microsecond early";
  clock.Set(1000);
  called.acquire();
  clock.Set(10'000);
  job.Stop();
  EXPECT_FALSE(called.try_acquire()) << "two asks before a call are one";
}

TEST(DelayedJobTest, AnAskDuringACallIsFollowedByAnother) {
  io::SystemClock clock;
  std::counting_semaphore<> started(0);
  std::counting_semaphore<> go(0);
  DelayedJob job("test", clock, microseconds(10), [&] {
    started.release();
    go.acquire();
  });
  job.Ask();
  started.acquire();
  job.Ask();
  go.release();
  started.acquire();
  go.release();
}

TEST(DelayedJobTest, StopWaitsForTheRunningCallAndDropsTheNext) {
  io::SystemClock clock;
  std::latch started(1);
  std::latch go(1);
  std::atomic<int> finished = 0;
  DelayedJob job("a name longer than the kernel keeps", clock, microseconds(10), [&] {
    started.count_down();
    go.wait();
    ++finished;
  });
  job.Ask();
  started.wait();
  std::thread release([&] { go.count_down(); });
  job.Stop();
  EXPECT_EQ(finished, 1);
  job.Ask();
  job.Stop();
  EXPECT_EQ(finished, 1);
  release.join();
}

TEST(DelayedJobTest, StopsAtOnceWhetherAskedOrNot) {
  WatchedClock clock;
  int calls = 0;
  {
    DelayedJob job("test", clock, std::chrono::hours(1000), [&] { ++calls; });
  }
  {
    DelayedJob job("test", clock, std::chrono::hours(1000), [&] { ++calls; });
    job.Ask();
  }
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace granary::runtime
