#include "granary/runtime/admission.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "granary/io/clock.h"

namespace granary::runtime {
namespace {

using Slot = Admission::Slot;

void AwaitQueued(const Admission& admission, std::size_t queued) {
  while (admission.counts().queued != queued) std::this_thread::yield();
}

TEST(AdmissionTest, ASlotComesBackOnDestruction) {
  Admission admission({.concurrent_max = 1, .queued_max = 0});
  for (int i = 0; i < 3; ++i) {
    const auto slot = admission.Enter(CancelToken());
    ASSERT_TRUE(slot.ok());
    EXPECT_EQ(admission.counts().running, 1u);
  }
  EXPECT_EQ(admission.counts().running, 0u);
  EXPECT_EQ(admission.counts().admitted, 3u);
}

TEST(AdmissionTest, PastAFullQueueIsRefused) {
  Admission admission({.concurrent_max = 2, .queued_max = 0});
  Slot a = admission.Enter(CancelToken()).Take();
  Slot b = admission.Enter(CancelToken()).Take();
  const auto refused = admission.Enter(CancelToken());
  EXPECT_EQ(refused.status().code(), Code::kOverloaded);
  EXPECT_EQ(admission.counts().refused, 1u);
  a = Slot();
  EXPECT_TRUE(admission.Enter(CancelToken()).ok());
}

TEST(AdmissionTest, WaitersEnterFirstComeFirstServed) {
  Admission admission({.concurrent_max = 1, .queued_max = 10});
  Slot held = admission.Enter(CancelToken()).Take();
  std::vector<int> order;  // Guarded by the one slot.
  std::vector<std::thread> threads;
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&, i] {
      const auto slot = admission.Enter(CancelToken());
      order.push_back(i);
    });
    AwaitQueued(admission, static_cast<std::size_t>(i) + 1);
  }
  held = Slot();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(AdmissionTest, ACancelledWaiterLeavesTheQueue) {
  Admission admission({.concurrent_max = 1, .queued_max = 1});
  const Slot held = admission.Enter(CancelToken()).Take();
  CancelToken cancel;
  Code code = Code::kOk;
  std::thread waiter([&] { code = admission.Enter(cancel).status().code(); });
  AwaitQueued(admission, 1);
  cancel.Cancel();
  waiter.join();
  EXPECT_EQ(code, Code::kCancelled);
  EXPECT_EQ(admission.counts().queued, 0u);
  EXPECT_EQ(admission.counts().running, 1u);
}

TEST(AdmissionTest, ADeadlineEndsTheWait) {
  Admission admission({.concurrent_max = 1, .queued_max = 1});
  const Slot held = admission.Enter(CancelToken()).Take();
  const CancelToken soon(io::SystemClock().MonotonicNanos() + 1'000'000);
  EXPECT_EQ(admission.Enter(soon).status().code(), Code::kDeadlineExceeded);
}

TEST(AdmissionTest, WhoIsCancelledAlreadyTakesNoSlot) {
  Admission admission({.concurrent_max = 1, .queued_max = 1});
  CancelToken cancel;
  cancel.Cancel();
  EXPECT_EQ(admission.Enter(cancel).status().code(), Code::kCancelled);
  EXPECT_EQ(admission.counts().admitted, 0u);
}

TEST(AdmissionTest, NeverMoreThanTheMostAtOnce) {
  Admission admission({.concurrent_max = 3, .queued_max = 100});
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const auto slot = admission.Enter(CancelToken());
        const int now = ++inside;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 3);
  EXPECT_EQ(admission.counts().admitted, 1600u);
  EXPECT_EQ(admission.counts().running, 0u);
}

TEST(AdmissionTest, WhoPausesForTooLongLosesTheSlotToWhoQueues) {
  Admission admission({.concurrent_max = 1, .queued_max = 1, .pause_max = {}});
  Slot slow = admission.Enter(CancelToken()).Take();
  slow.Pause();
  std::atomic<bool> done = false;
  Slot quick = admission.Enter(CancelToken()).Take();  // Would wait forever otherwise.
  std::thread resumes([&] {
    EXPECT_TRUE(slow.Resume(CancelToken()).ok());
    EXPECT_TRUE(done);
  });
  AwaitQueued(admission, 1);
  done = true;
  quick = Slot();
  resumes.join();
  EXPECT_EQ(admission.counts().running, 1u);
}

TEST(AdmissionTest, WhoResumesComesAheadOfTheQueue) {
  Admission admission({.concurrent_max = 1, .queued_max = 2, .pause_max = {}});
  Slot slow = admission.Enter(CancelToken()).Take();
  slow.Pause();
  Slot quick = admission.Enter(CancelToken()).Take();
  std::vector<int> order;  // Guarded by the one slot.
  std::thread queues([&] {
    const auto slot = admission.Enter(CancelToken());
    order.push_back(2);
  });
  AwaitQueued(admission, 1);
  std::thread resumes([&] {
    EXPECT_TRUE(slow.Resume(CancelToken()).ok());
    order.push_back(1);
    slow = Slot();
  });
  AwaitQueued(admission, 2);
  quick = Slot();
  resumes.join();
  queues.join();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(AdmissionTest, AShortPauseOrOneThatNobodyMindsChangesNothing) {
  Admission unminded({.concurrent_max = 1, .queued_max = 0, .pause_max = {}});
  Slot slot = unminded.Enter(CancelToken()).Take();
  slot.Pause();
  EXPECT_EQ(unminded.counts().running, 1u);
  EXPECT_TRUE(slot.Resume(CancelToken()).ok());

  Admission patient({.concurrent_max = 1, .queued_max = 1, .pause_max = std::chrono::hours(1)});
  Slot held = patient.Enter(CancelToken()).Take();
  held.Pause();
  const std::int64_t now = io::SystemClock().MonotonicNanos();
  EXPECT_EQ(patient.Enter(CancelToken(now + 50'000'000)).status().code(), Code::kDeadlineExceeded);
  EXPECT_TRUE(held.Resume(CancelToken()).ok());
}

TEST(AdmissionTest, ASlotThatIsLostOrPausedIsGivenBackOnce) {
  Admission admission({.concurrent_max = 1, .queued_max = 1, .pause_max = {}});
  {
    Slot lost = admission.Enter(CancelToken()).Take();
    lost.Pause();
    const Slot quick = admission.Enter(CancelToken()).Take();
    CancelToken cancelled;
    cancelled.Cancel();
    EXPECT_EQ(lost.Resume(cancelled).code(), Code::kCancelled);
    EXPECT_EQ(admission.counts().running, 1u);
  }
  EXPECT_EQ(admission.counts().running, 0u);
  {
    Slot paused = admission.Enter(CancelToken()).Take();
    paused.Pause();
  }
  EXPECT_EQ(admission.counts().running, 0u);
}

TEST(AdmissionTest, WhoseDeadlinePassesInTheQueueLeavesItThenAndGetsNoSlot) {
  Admission admission({.concurrent_max = 1, .queued_max = 10});
  Slot held = admission.Enter(CancelToken()).Take();
  const std::int64_t began = io::SystemClock().MonotonicNanos();
  const std::int64_t deadline = began + 35'000'000;
  std::thread late([&] {
    EXPECT_EQ(admission.Enter(CancelToken(deadline)).status().code(), Code::kDeadlineExceeded);
    EXPECT_GE(io::SystemClock().MonotonicNanos(), deadline);
  });
  AwaitQueued(admission, 1);
  std::thread patient([&] { EXPECT_TRUE(admission.Enter(CancelToken()).ok()); });
  late.join();
  AwaitQueued(admission, 1);
  EXPECT_EQ(admission.counts().admitted, 1u);
  held = Slot();
  patient.join();
}

TEST(AdmissionTest, AFreeSlotPassesOverThoseWhoseTimeIsOver) {
  Admission admission({.concurrent_max = 1, .queued_max = 10});
  Slot held = admission.Enter(CancelToken()).Take();
  CancelToken cancelled;
  std::thread first(
      [&] { EXPECT_EQ(admission.Enter(cancelled).status().code(), Code::kCancelled); });
  AwaitQueued(admission, 1);
  std::thread second([&] { EXPECT_TRUE(admission.Enter(CancelToken()).ok()); });
  AwaitQueued(admission, 2);
  cancelled.Cancel();
  held = Slot();  // Whether or not the first has seen by itself that it is over.
  first.join();
  second.join();
  EXPECT_EQ(admission.counts().admitted, 2u);
}

// Shares are of time, so how the turns of both follow each other depends on how long each takes
// (fair_queue_test.cc); but whoever had none yet goes before whoever had one.
TEST(AdmissionTest, ATenantThatBringsMuchTakesNothingFromAnother) {
  Admission admission({.concurrent_max = 1, .queued_max = 100});
  Slot held = admission.Enter(CancelToken(), {"other"}).Take();
  std::vector<std::string> order;  // Guarded by the one slot.
  std::vector<std::thread> threads;
  const auto queue = [&](const std::string& tenant) {
    const std::size_t queued = admission.counts().queued;
    threads.emplace_back([&, tenant] {
      const auto slot = admission.Enter(CancelToken(), {tenant});
      order.push_back(tenant);
    });
    AwaitQueued(admission, queued + 1);
  };
  for (int i = 0; i < 20; ++i) queue("much");
  queue("little");
  held = Slot();
  for (std::thread& thread : threads) thread.join();
  const auto first = std::find(order.begin(), order.end(), "little");
  EXPECT_LE(first - order.begin(), 1) << "behind one that came earlier at most";
}

TEST(AdmissionTest, SaysWhenThoseThatWaitWillBeGone) {
  Admission admission({.concurrent_max = 1, .queued_max = 1});
  EXPECT_EQ(admission.counts().retry_after_seconds, 1);
  Slot held = admission.Enter(CancelToken()).Take();
  std::thread waits([&] { EXPECT_TRUE(admission.Enter(CancelToken()).ok()); });
  AwaitQueued(admission, 1);
  EXPECT_GE(admission.counts().retry_after_seconds, 1);
  EXPECT_LE(admission.counts().retry_after_seconds, 60);
  held = Slot();
  waits.join();
}

}  // namespace
}  // namespace granary::runtime
