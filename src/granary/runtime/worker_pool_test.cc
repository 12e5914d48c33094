#include "granary/runtime/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace granary::runtime {
namespace {

TEST(WorkerPoolTest, TasksStartInOrderOfSubmission) {
  std::vector<int> order;
  {
    WorkerPool pool({.threads = 1});
    for (int i = 0; i < 100; ++i) pool.Submit([&order, i] { order.push_back(i); });
  }
  std::vector<int> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(order, expected);
}

TEST(WorkerPoolTest, StopRunsWhatWasSubmittedAndWhatThoseSubmit) {
  std::atomic<int> ran = 0;
  WorkerPool pool({.threads = 2});
  for (int i = 0; i < 50; ++i) {
    pool.Submit([&] {
      ++ran;
      pool.Submit([&ran] { ++ran; });
    });
  }
  pool.Stop();
  EXPECT_EQ(ran, 100);
  pool.Stop();
}

TEST(WorkerPoolTest, AfterStopTheCallerRunsTheTask) {
  WorkerPool pool({.threads = 2});
  pool.Stop();
  std::thread::id ran_on;
  pool.Submit([&ran_on] { ran_on = std::this_thread::get_id(); });
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(WorkerPoolTest, CountsWhatWaitsAndWhatRuns) {
  WorkerPool pool({.threads = 1});
  std::latch started(1);
  std::latch go(1);
  pool.Submit([&] {
    started.count_down();
    go.wait();
  });
  started.wait();
  pool.Submit([] {});
  EXPECT_EQ(pool.threads(), 1u);
  EXPECT_EQ(pool.running(), 1u);
  EXPECT_EQ(pool.queued(), 1u);
  go.count_down();
  pool.Stop();
  EXPECT_EQ(pool.running(), 0u);
  EXPECT_EQ(pool.queued(), 0u);
}

TEST(WorkerPoolTest, ParallelForCallsEachIndexOnce) {
  WorkerPool pool({.threads = 3});
  for (const std::size_t count : {0u, 1u, 2u, 7u, 1000u}) {
    for (const std::size_t parallelism : {0u, 1u, 2u, 100u}) {
      std::vector<std::atomic<int>> calls(count);
      const Status status = pool.ParallelFor(count, parallelism, [&](std::size_t i) {
        ++calls[i];
        return Status::Ok();
      });
      ASSERT_TRUE(status.ok());
      for (const auto& n : calls) ASSERT_EQ(n, 1) << count << " over " << parallelism;
    }
  }
}

TEST(WorkerPoolTest, ParallelForUsesAtMostTheThreadsItMay) {
  WorkerPool pool({.threads = 4});
  std::mutex mutex;
  std::set<std::thread::id> seen;
  const Status status = pool.ParallelFor(500, 2, [&](std::size_t) {
    const std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
    return Status::Ok();
  });
  ASSERT_TRUE(status.ok());
  EXPECT_LE(seen.size(), 2u);
}

// Two bodies that wait for each other return only when they really run on two threads.
TEST(WorkerPoolTest, ParallelForRunsBodiesAtTheSameTime) {
  WorkerPool pool({.threads = 1});
  std::latch both(2);
  EXPECT_TRUE(pool.ParallelFor(2, 2,
                               [&](std::size_t) {
                                 both.arrive_and_wait();
                                 return Status::Ok();
                               })
                  .ok());
}

TEST(WorkerPoolTest, ParallelForReturnsTheFailureOfTheLowestIndex) {
  WorkerPool pool({.threads = 3});
  for (int round = 0; round < 200; ++round) {
    const Status status = pool.ParallelFor(300, 4, [](std::size_t i) {
      return i % 50 == 17 ? Status::Internal(std::to_string(i)) : Status::Ok();
    });
    ASSERT_EQ(status.message(), "17");
  }
}

TEST(WorkerPoolTest, ParallelForStartsNoNewIndexAfterAFailure) {
  WorkerPool pool({.threads = 1});
  std::vector<std::size_t> called;
  const Status status = pool.ParallelFor(100, 1, [&](std::size_t i) {
    called.push_back(i);
    return i == 2 ? Status::Internal("two") : Status::Ok();
  });
  EXPECT_EQ(status.message(), "two");
  EXPECT_EQ(called, (std::vector<std::size_t>{0, 1, 2}));
}

TEST(WorkerPoolTest, ParallelForInsideTasksOfAFullPoolCannotDeadlock) {
  WorkerPool pool({.threads = 2});
  std::atomic<int> leaves = 0;
  const Status status = pool.ParallelFor(8, 8, [&](std::size_t) {
    return pool.ParallelFor(8, 8, [&](std::size_t) {
      return pool.ParallelFor(4, 8, [&](std::size_t) {
        ++leaves;
        return Status::Ok();
      });
    });
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(leaves, 8 * 8 * 4);
}

TEST(WorkerPoolTest, ParallelForWorksWhileTheOnlyWorkerIsBusy) {
  WorkerPool pool({.threads = 1});
  std::latch go(1);
  pool.Submit([&go] { go.wait(); });
  std::size_t sum = 0;
  EXPECT_TRUE(pool.ParallelFor(10, 4,
                               [&](std::size_t i) {
                                 sum += i;  // One thread only: the caller.
                                 return Status::Ok();
                               })
                  .ok());
  EXPECT_EQ(sum, 45u);
  go.count_down();
}

TEST(WorkerPoolTest, SubmittingWhileStoppingLosesNoTask) {
  for (int round = 0; round < 100; ++round) {
    std::atomic<int> ran = 0;
    WorkerPool pool({.threads = 2});
    std::thread submitter([&] {
      for (int i = 0; i < 20; ++i) pool.Submit([&ran] { ++ran; });
    });
    pool.Stop();
    submitter.join();
    ASSERT_EQ(ran, 20);
  }
}

TEST(WorkerPoolTest, ABodyThatThrowsFailsItsLoopAndNoOtherThread) {
  WorkerPool pool({.threads = 3});
  for (int round = 0; round < 50; ++round) {
    const Status status = pool.ParallelFor(100, 4, [](std::size_t i) -> Status {
      if (i == 7) throw std::length_error("seven");
      return Status::Ok();
    });
    ASSERT_EQ(status.code(), Code::kInternal);
    ASSERT_EQ(status.message(), "seven");
  }
}

// Tasks that wait for a later one finish only when each has a thread of its own.
TEST(WorkerPoolTest, ATaskThatFindsNoIdleThreadGetsOneUpToTheMaximum) {
  WorkerPool pool({.threads = 1, .threads_max = 4});
  std::latch all(4);
  for (int i = 0; i < 4; ++i) pool.Submit([&all] { all.arrive_and_wait(); });
  all.wait();
  std::latch go(1);
  std::latch started(4);
  for (int i = 0; i < 5; ++i) {
    pool.Submit([&] {
      if (!started.try_wait()) started.count_down();
      go.wait();
    });
  }
  started.wait();
  EXPECT_EQ(pool.threads(), 4u);
  EXPECT_EQ(pool.queued(), 1u);
  go.count_down();
  pool.Stop();
  EXPECT_EQ(pool.queued(), 0u);
}

TEST(WorkerPoolTest, ThreadsBeyondTheFirstEndWithoutWork) {
  WorkerPool pool({.threads = 1, .threads_max = 8, .idle_max = std::chrono::milliseconds(1)});
  for (int round = 0; round < 3; ++round) {
    std::latch all(8);
    for (int i = 0; i < 8; ++i) pool.Submit([&all] { all.arrive_and_wait(); });
    all.wait();
    while (pool.threads() > 1) std::this_thread::yield();
  }
}

// Tasks that wait for each other end only when each has a thread of its own.
void ExpectAtTheSameTime(WorkerPool& pool, std::size_t threads) {
  std::latch all(static_cast<std::ptrdiff_t>(threads));
  std::latch done(static_cast<std::ptrdiff_t>(threads));
  for (std::size_t i = 0; i < threads; ++i) {
    pool.Submit([&] {
      all.arrive_and_wait();
      done.count_down();
    });
  }
  done.wait();
}

void AwaitThreads(const WorkerPool& pool, std::size_t threads) {
  while (pool.threads() != threads) std::this_thread::yield();
}

TEST(WorkerPoolTest, ResizeMakesAndEndsThreads) {
  WorkerPool pool({.threads = 2});
  for (const std::size_t threads : {8u, 3u, 1u, 16u, 2u}) {
    pool.Resize(threads);
    EXPECT_EQ(pool.size(), threads);
    ExpectAtTheSameTime(pool, threads);
    AwaitThreads(pool, threads);
  }
  pool.Resize(0);
  EXPECT_EQ(pool.size(), 1u);
}

TEST(WorkerPoolTest, AWorkerThatIsToGoEndsItsTask) {
  WorkerPool pool({.threads = 3});
  std::latch started(3), go(1);
  std::atomic<int> ended = 0;
  for (int i = 0; i < 3; ++i) {
    pool.Submit([&] {
      started.count_down();
      go.wait();
      ++ended;
    });
  }
  started.wait();
  pool.Resize(1);
  EXPECT_EQ(pool.threads(), 3u);
  std::latch later(1);
  pool.Submit([&later] { later.count_down(); });
  go.count_down();
  later.wait();
  AwaitThreads(pool, 1);
  pool.Stop();
  EXPECT_EQ(ended, 3);
}

// Each task is waited for before the next: one that nobody takes would hang the test.
TEST(WorkerPoolTest, NoTaskIsLostOrStalledWhileThePoolChanges) {
  WorkerPool pool({.threads = 1});
  std::atomic<bool> over = false;
  std::thread changes([&] {
    for (std::size_t i = 0; !over; ++i) pool.Resize(i % 7 + 1);
  });
  for (int i = 0; i < 20'000; ++i) {
    std::latch done(1);
    pool.Submit([&done] { done.count_down(); });
    done.wait();
  }
  std::atomic<int> ran = 0;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(pool.ParallelFor(8, 8,
                                 [&](std::size_t) {
                                   ++ran;
                                   return Status::Ok();
                                 })
                    .ok());
  }
  over = true;
  changes.join();
  EXPECT_EQ(ran, 8000);
}

TEST(WorkerPoolTest, ResizeBesideStopEndsBoth) {
  for (int round = 0; round < 100; ++round) {
    std::atomic<int> ran = 0;
    WorkerPool pool({.threads = 2});
    std::thread changes([&] {
      for (std::size_t i = 0; i < 20; ++i) pool.Resize(i % 5 + 1);
    });
    for (int i = 0; i < 20; ++i) pool.Submit([&ran] { ++ran; });
    pool.Stop();
    changes.join();
    ASSERT_EQ(ran, 20);
  }
}

TEST(WorkerPoolTest, AShrunkPoolStartsNoThreadsByItself) {
  WorkerPool pool({.threads = 4});
  pool.Resize(1);
  AwaitThreads(pool, 1);
  std::latch started(1), go(1);
  for (int i = 0; i < 3; ++i) {
    pool.Submit([&] {
      if (!started.try_wait()) started.count_down();
      go.wait();
    });
  }
  started.wait();
  EXPECT_EQ(pool.threads(), 1u);
  EXPECT_EQ(pool.queued(), 2u);
  go.count_down();
}

TEST(WorkerPoolTest, TellsWhatItsWorkersDid) {
  WorkerPool pool({.threads = 1});
  std::latch started(1), go(1), done(1);
  const WorkerPoolUse before = pool.use();
  pool.Submit([&] {
    started.count_down();
    go.wait();
  });
  started.wait();
  pool.Submit([&done] {
    volatile double x = 1;
    for (int i = 0; i < 2'000'000; ++i) x = x * 1.0000001;
    done.count_down();
  });
  const WorkerPoolUse waiting = pool.use();
  EXPECT_EQ(waiting.queued, 1u);
  EXPECT_EQ(waiting.running, 1u);
  EXPECT_EQ(waiting.started, before.started + 1);
  EXPECT_GT(pool.use().oldest_wait_ns, waiting.oldest_wait_ns);
  EXPECT_GT(waiting.busy_ns, 0);
  go.count_down();
  done.wait();
  const WorkerPoolUse after = pool.use();
  EXPECT_EQ(after.started, before.started + 2);
  EXPECT_EQ(after.oldest_wait_ns, 0);
  EXPECT_GE(after.waited_ns, waiting.oldest_wait_ns);
  EXPECT_GT(after.cpu_ns, waiting.cpu_ns);
  EXPECT_LE(after.busy_ns - before.busy_ns, after.alive_ns - before.alive_ns);
  pool.Resize(3);
  pool.Resize(1);
  AwaitThreads(pool, 1);
  EXPECT_GE(pool.use().cpu_ns, after.cpu_ns) << "of those that ended too";
}

TEST(WorkerPoolTest, TasksOfSharesAreStartedInTurnHoweverManyOneBrings) {
  std::vector<char> order;
  {
    WorkerPool whole({.threads = 1});
    WorkerPool a(whole), b(whole);
    std::latch held(1), go(1);
    whole.Submit([&] {
      held.count_down();
      go.wait();
    });
    held.wait();
    for (int i = 0; i < 6; ++i) a.Submit([&] { order.push_back('a'); });
    for (int i = 0; i < 2; ++i) b.Submit([&] { order.push_back('b'); });
    go.count_down();
    a.Stop();
    b.Stop();
  }
  EXPECT_EQ(std::string(order.begin(), order.end()), "ababaaaa");
}

TEST(WorkerPoolTest, AHelperMakesWayForAShareThatHasNoThread) {
  WorkerPool whole({.threads = 1});
  WorkerPool a(whole), b(whole);
  std::latch in_loop(2), b_waits(1);
  std::latch b_ran(1);
  std::thread caller([&] {
    const std::thread::id own = std::this_thread::get_id();
    // The caller's second index does not end before the other share's task has run: on the only
    // worker, which helps with this loop, and has enough to do for ever.
    std::atomic<bool> is_over = false;
    const Status done = a.ParallelFor(100'000'000, 2, [&](std::size_t i) -> Status {
      if (i < 2) {
        in_loop.arrive_and_wait();
        b_waits.wait();
      }
      if (std::this_thread::get_id() != own) return Status::Ok();
      b_ran.wait();
      is_over = true;
      return Status(Code::kCancelled, "enough");
    });
    EXPECT_TRUE(is_over);
    EXPECT_EQ(done.code(), Code::kCancelled);
  });
  in_loop.wait();
  b.Submit([&] { b_ran.count_down(); });
  b_waits.count_down();
  caller.join();
}

TEST(WorkerPoolTest, AShareHasNoMoreThreadsThanItMay) {
  WorkerPool whole({.threads = 4});
  WorkerPool share(whole, 2);
  EXPECT_EQ(share.size(), 2u);
  std::atomic<int> inside = 0, most = 0;
  for (int i = 0; i < 50; ++i) {
    share.Submit([&] {
      const int now = ++inside;
      for (int seen = most; now > seen;)
        if (most.compare_exchange_weak(seen, now)) break;
      std::this_thread::yield();
      --inside;
    });
  }
  share.Stop();
  EXPECT_LE(most, 2);
  share.Limit(0);
  EXPECT_EQ(share.size(), 4u);
}

TEST(WorkerPoolTest, AShareThatStoppedHasRunItsTasksAndTheOthersGoOn) {
  WorkerPool whole({.threads = 2});
  WorkerPool a(whole), b(whole);
  std::atomic<int> ran = 0;
  for (int i = 0; i < 20; ++i) a.Submit([&] { ++ran; });
  a.Stop();
  EXPECT_EQ(ran, 20);
  std::thread::id ran_on;
  a.Submit([&] { ran_on = std::this_thread::get_id(); });
  EXPECT_EQ(ran_on, std::this_thread::get_id());
  std::latch other(1);
  b.Submit([&] { other.count_down(); });
  other.wait();
}

}  // namespace
}  // namespace granary::runtime
