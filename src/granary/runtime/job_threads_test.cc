#include "granary/runtime/job_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <semaphore>
#include <set>
#include <thread>
#include <vector>

#include "granary/io/clock.h"
#include "granary/runtime/delayed_job.h"
#include "granary/runtime/periodic.h"

namespace granary::runtime {
namespace {

constexpr auto kNever = std::chrono::hours(1000);

TEST(JobThreadsTest, AThousandJobsRunOnAFewThreads) {
  constexpr int kJobs = 1000;
  JobThreads threads(3);
  std::latch all(kJobs);
  std::mutex mutex;
  std::set<std::thread::id> used;
  std::vector<std::unique_ptr<PeriodicJob>> jobs;
  for (int i = 0; i < kJobs; ++i) {
    jobs.push_back(std::make_unique<PeriodicJob>(
        "one", kNever,
        [&] {
          {
            const std::lock_guard lock(mutex);
            used.insert(std::this_thread::get_id());
          }
          all.count_down();
        },
        &threads));
    jobs.back()->Poke();
  }
  all.wait();
  jobs.clear();
  EXPECT_LE(used.size(), 3u);
}

TEST(JobThreadsTest, AJobRunsAgainAfterItsInterval) {
  JobThreads threads(2);
  std::counting_semaphore<> called(0);
  PeriodicJob job(
      "again", std::chrono::milliseconds(1), [&] { called.release(); }, &threads);
  for (int i = 0; i < 5; ++i) called.acquire();
}

TEST(JobThreadsTest, APokeDuringACallIsFollowedByAnotherAndNeverTwoAtOnce) {
  JobThreads threads(4);
  std::counting_semaphore<> started(0), go(0);
  std::atomic<int> inside = 0;
  PeriodicJob job(
      "poked", kNever,
      [&] {
        EXPECT_EQ(++inside, 1);
        started.release();
        go.acquire();
        --inside;
      },
      &threads);
  job.Poke();
  started.acquire();
  job.Poke();
  job.Poke();
  go.release();
  started.acquire();
  go.release();
}

TEST(JobThreadsTest, AJobThatHoldsItsThreadKeepsOthersWaitingOnlyWhenThereIsNoneLeft) {
  JobThreads threads(2);
  std::latch held(1), go(1), other(1);
  PeriodicJob slow(
      "slow", kNever,
      [&] {
        held.count_down();
        go.wait();
      },
      &threads);
  slow.Poke();
  held.wait();
  PeriodicJob quick(
      "quick", kNever, [&] { other.count_down(); }, &threads);
  quick.Poke();
  other.wait();
  go.count_down();
}

TEST(JobThreadsTest, StopWaitsForARunningCallAndNoneBeginsAfterIt) {
  JobThreads threads(2);
  std::latch started(1), go(1);
  std::atomic<bool> done = false;
  auto job = std::make_unique<PeriodicJob>(
      "stopped", kNever,
      [&] {
        started.count_down();
        go.wait();
        done = true;
      },
      &threads);
  job->Poke();
  started.wait();
  std::thread stopper([&] { job->Stop(); });
  go.count_down();
  stopper.join();
  EXPECT_TRUE(done);
  done = false;
  job->Poke();
  job.reset();
  EXPECT_FALSE(done);
}

TEST(JobThreadsTest, ADelayedJobRunsOnceForWhatIsAskedBeforeIt) {
  JobThreads threads(2);
  io::SystemClock clock;
  std::counting_semaphore<> called(0);
  std::atomic<int> calls = 0;
  DelayedJob job(
      "delayed", clock, std::chrono::milliseconds(20),
      [&] {
        ++calls;
        called.release();
      },
      &threads);
  const std::int64_t began_ns = clock.MonotonicNanos();
  job.Ask();
  job.Ask();
  called.acquire();
  EXPECT_GE(clock.MonotonicNanos() - began_ns, 20'000'000);
  EXPECT_EQ(calls, 1);
  job.Ask();
  called.acquire();
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace granary::runtime
