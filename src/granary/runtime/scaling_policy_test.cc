#include "granary/runtime/scaling_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace granary::runtime {
namespace {

using ::testing::HasSubstr;

// Long after anything that the state remembers.
constexpr std::int64_t kLaterMs = 50'000;

ScalingState Quiet(double busy = 0) {
  return {.looked_ms = kLaterMs - 100, .grown_ms = 1, .shrunk_ms = 1, .busy_workers = busy};
}

ScalingInputs Waiting(std::size_t workers, double delay_ms) {
  return {.now_ms = kLaterMs,
          .workers = workers,
          .machine_cpu_percent = 20,
          .worker_cpu_percent = 5,
          .busy_workers = static_cast<double>(workers),
          .memory_percent = 20,
          .queued = 30,
          .queue_delay_ms = delay_ms};
}

ScalingInputs Resting(std::size_t workers, double busy) {
  return {.now_ms = kLaterMs,
          .workers = workers,
          .machine_cpu_percent = 10,
          .worker_cpu_percent = 5,
          .busy_workers = busy,
          .memory_percent = 20};
}

TEST(ScalingPolicyTest, GrowsByAsMuchAsTasksWaitTooLong) {
  struct Case {
    double delay_ms;
    std::size_t workers;
  };
  for (const Case& c : {Case{0, 10}, Case{kDelayMsMax, 10}, Case{kDelayMsMax + 1, 13},
                        Case{100, 15}, Case{200, 20}, Case{5000, 20}}) {
    const auto decision = DecideWorkers({}, Waiting(10, c.delay_ms), Quiet(10));
    EXPECT_EQ(decision.workers, c.workers) << c.delay_ms << ": " << decision.reason;
  }
}

TEST(ScalingPolicyTest, AStepIsBoundedAndEndsAtTheMaximum) {
  EXPECT_EQ(DecideWorkers({}, Waiting(30, 5000), Quiet(30)).workers, 46u);
  EXPECT_EQ(DecideWorkers({}, Waiting(45, 5000), Quiet(45)).workers, 50u);
  EXPECT_EQ(DecideWorkers({}, Waiting(49, 5000), Quiet(49)).workers, 50u);
  const auto decision = DecideWorkers({}, Waiting(50, 5000), Quiet(50));
  EXPECT_EQ(decision.step, ScalingStep::kStay);
  EXPECT_THAT(decision.reason, HasSubstr("the most"));
}

TEST(ScalingPolicyTest, FullCpusForbidGrowthWhoeverUsesThem) {
  for (const double own : {0.0, 2.0, 50.0, 100.0}) {
    ScalingInputs in = Waiting(2, 5000);
    in.worker_cpu_percent = own;
    in.machine_cpu_percent = 94.9;
    EXPECT_EQ(DecideWorkers({}, in, Quiet(2)).step, ScalingStep::kGrow);
    in.machine_cpu_percent = 95;
    const auto decision = DecideWorkers({}, in, Quiet(2));
    EXPECT_EQ(decision.step, ScalingStep::kStay);
    EXPECT_THAT(decision.reason, HasSubstr("CPUs are full"));
  }
}

// A busy neighbour is no reason to leave tasks waiting that mostly wait for a disk.
TEST(ScalingPolicyTest, OnFullCpusWorkersThatWaitForSomethingElseGetFurtherOnes) {
  ScalingInputs in = Waiting(10, 200);
  in.machine_cpu_percent = 100;
  in.worker_cpu_percent = 5;
  in.worker_cpu_wait_percent = 44.9;
  EXPECT_EQ(DecideWorkers({}, in, Quiet(10)).workers, 20u);
  in.worker_cpu_wait_percent = 45;
  EXPECT_EQ(DecideWorkers({}, in, Quiet(10)).step, ScalingStep::kStay);
  in.worker_cpu_wait_percent = std::nan("");
  EXPECT_EQ(DecideWorkers({}, in, Quiet(10)).step, ScalingStep::kStay);
}

TEST(ScalingPolicyTest, WorkersThatComputeGetOneMoreAtTheUpperThreshold) {
  ScalingInputs in = Waiting(4, 10);  // Nobody waits too long.
  in.worker_cpu_percent = 69.9;
  EXPECT_EQ(DecideWorkers({}, in, Quiet(4)).workers, 4u);
  in.worker_cpu_percent = 70;
  EXPECT_EQ(DecideWorkers({}, in, Quiet(4)).workers, 5u);
  in.queued = 0;  // They are kept busy, and nothing more is there to do.
  EXPECT_EQ(DecideWorkers({}, in, Quiet(4)).workers, 4u);
}

TEST(ScalingPolicyTest, MemoryPressureForbidsGrowthAndShrinks) {
  ScalingInputs in = Waiting(20, 5000);
  in.memory_percent = 79.9;
  EXPECT_EQ(DecideWorkers({}, in, Quiet(20)).workers, 21u) << "one at a time";
  in.memory_percent = 80;
  const auto decision = DecideWorkers({}, in, Quiet(20));
  EXPECT_EQ(decision.workers, 15u);
  EXPECT_THAT(decision.reason, HasSubstr("memory"));
  in.workers = 2;
  EXPECT_EQ(DecideWorkers({}, in, Quiet(2)).workers, 2u);
  in.memory_percent = 39.9;
  EXPECT_EQ(DecideWorkers({}, in, Quiet(2)).workers, 4u);
  in.memory_percent = 40;
  EXPECT_EQ(DecideWorkers({}, in, Quiet(2)).workers, 3u);
}

TEST(ScalingPolicyTest, ShrinksByAQuarterOrByOneBetweenTheThresholds) {
  EXPECT_EQ(DecideWorkers({}, Resting(40, 2), Quiet(2)).workers, 30u);
  EXPECT_EQ(DecideWorkers({}, Resting(4, 0), Quiet(0)).workers, 3u);
  ScalingInputs in = Resting(40, 2);
  in.worker_cpu_percent = 29.9;
  EXPECT_EQ(DecideWorkers({}, in, Quiet(2)).workers, 30u);
  in.worker_cpu_percent = 30;
  EXPECT_EQ(DecideWorkers({}, in, Quiet(2)).workers, 39u);
}

TEST(ScalingPolicyTest, ShrinksToWhatIsBusyAndNotBelowTheMinimum) {
  EXPECT_EQ(DecideWorkers({}, Resting(10, 7), Quiet(7)).workers, 8u);
  EXPECT_EQ(DecideWorkers({}, Resting(10, 9), Quiet(9)).workers, 10u) << "a little is not too much";
  EXPECT_EQ(DecideWorkers({}, Resting(3, 0), Quiet(0)).workers, 2u);
  EXPECT_EQ(DecideWorkers({}, Resting(2, 0), Quiet(0)).workers, 2u);
}

TEST(ScalingPolicyTest, AnIdlePoolKeepsAWorkerForEachCpuUnlessMemoryIsShort) {
  const ScalingLimits limits{.workers_idle = 8};
  EXPECT_EQ(DecideWorkers(limits, Resting(9, 0), Quiet(0)).workers, 9u)
      << "a little is not too much";
  EXPECT_EQ(DecideWorkers(limits, Resting(10, 0), Quiet(0)).workers, 8u);
  ScalingInputs in = Resting(8, 0);
  in.memory_percent = 90;
  EXPECT_EQ(DecideWorkers(limits, in, Quiet(0)).workers, 6u);
  EXPECT_EQ(DecideWorkers(limits, Resting(6, 0), Quiet(0)).workers, 7u);
}

TEST(ScalingPolicyTest, EachChangeIsFollowedByAPause) {
  ScalingState state = Quiet(10);
  state.grown_ms = kLaterMs - 99;
  EXPECT_EQ(DecideWorkers({}, Waiting(10, 200), state).workers, 10u);
  state.grown_ms = kLaterMs - 100;
  EXPECT_EQ(DecideWorkers({}, Waiting(10, 200), state).workers, 20u);

  state = Quiet(0);
  state.grown_ms = kLaterMs - 299;
  EXPECT_EQ(DecideWorkers({}, Resting(10, 0), state).workers, 10u);
  state.grown_ms = kLaterMs - 300;
  EXPECT_EQ(DecideWorkers({}, Resting(10, 0), state).workers, 8u);
  state.shrunk_ms = kLaterMs - 99;
  EXPECT_EQ(DecideWorkers({}, Resting(10, 0), state).workers, 10u);
}

TEST(ScalingPolicyTest, AQueueThatGetsShorterIsLeftAlone) {
  ScalingState state = Quiet(10);
  state.queued = 40;  // 30 now.
  EXPECT_EQ(DecideWorkers({}, Waiting(10, 200), state).step, ScalingStep::kStay);
  state.queued = 35;
  EXPECT_EQ(DecideWorkers({}, Waiting(10, 200), state).step, ScalingStep::kGrow);
}

TEST(ScalingPolicyTest, LimitsThatContradictEachOtherDoNoHarm) {
  // The minimum holds.
  EXPECT_EQ(DecideWorkers({.workers_min = 5, .workers_max = 2}, Waiting(2, 500), Quiet(2)).workers,
            5u);
  EXPECT_EQ(DecideWorkers({.workers_min = 5, .workers_max = 2}, Waiting(5, 500), Quiet(5)).workers,
            5u);
  EXPECT_EQ(DecideWorkers({.workers_min = 0, .workers_max = 0}, Resting(1, 0), Quiet(0)).workers,
            1u);
  EXPECT_EQ(DecideWorkers({.workers_max = 10}, Resting(30, 30), Quiet(30)).workers, 10u);
  // Thresholds that cross: the upper one is both.
  const ScalingLimits crossed{.cpu_up_percent = 30,
                              .cpu_down_percent = 70,
                              .memory_up_percent = 40,
                              .memory_down_percent = 80};
  ScalingInputs in = Waiting(4, 500);
  in.memory_percent = 39;
  EXPECT_EQ(DecideWorkers(crossed, in, Quiet(4)).workers, 8u);
  in.memory_percent = 41;
  EXPECT_EQ(DecideWorkers(crossed, in, Quiet(4)).workers, 3u);
}

TEST(ScalingPolicyTest, WhatMakesNoSenseChangesNothing) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinite = std::numeric_limits<double>::infinity();
  for (const double bad : {nan, infinite, -infinite, -1.0}) {
    for (double ScalingInputs::*member :
         {&ScalingInputs::machine_cpu_percent, &ScalingInputs::worker_cpu_percent,
          &ScalingInputs::busy_workers, &ScalingInputs::memory_percent,
          &ScalingInputs::queue_delay_ms}) {
      ScalingInputs in = Waiting(10, 500);
      in.*member = bad;
      const auto decision = DecideWorkers({}, in, Quiet(10));
      EXPECT_EQ(decision.step, ScalingStep::kStay);
      EXPECT_EQ(decision.workers, 10u);
      EXPECT_THAT(decision.reason, HasSubstr("no sense"));
      // The next look goes on as if this one had not been.
      EXPECT_EQ(DecideWorkers({}, Waiting(10, 500), decision.next).workers, 20u);
    }
  }
}

TEST(ScalingPolicyTest, AClockThatJumpsNeitherStopsNorHurriesIt) {
  ScalingState state = Quiet(10);
  for (const std::int64_t jump_ms : {-40'000, 40'000'000}) {
    ScalingInputs in = Waiting(10, 500);
    in.now_ms += jump_ms;
    const auto first = DecideWorkers({}, in, state);
    EXPECT_LE(first.workers, 20u);
    in.now_ms += 1000;
    in.workers = first.workers;
    EXPECT_GT(DecideWorkers({}, in, first.next).workers, 10u) << "goes on";
  }
}

TEST(ScalingPolicyTest, AnythingAtAllStaysWithinTheLimitsAndHasAReason) {
  std::mt19937_64 random(20261129);
  const auto number = [&random](double most) {
    const double strange[] = {std::nan(""), -1, 1e300, 0, most};
    if (random() % 10 == 0) return strange[random() % 5];
    return most * static_cast<double>(random() % 1000) / 1000;
  };
  ScalingState state;
  std::size_t workers = 2;
  std::int64_t now_ms = 1;
  for (int i = 0; i < 100'000; ++i) {
    now_ms += static_cast<std::int64_t>(random() % 300) - 20;
    const ScalingInputs in{.now_ms = now_ms,
                           .workers = workers,
                           .machine_cpu_percent = number(110),
                           .worker_cpu_percent = number(110),
                           .busy_workers = number(60),
                           .memory_percent = number(110),
                           .queued = random() % 100,
                           .queue_delay_ms = number(300)};
    const ScalingDecision decision = DecideWorkers({}, in, state);
    ASSERT_GE(decision.workers, 2u);
    ASSERT_LE(decision.workers, 50u);
    ASSERT_LE(decision.workers, workers + 16);
    ASSERT_GE(decision.workers + workers / 4 + 1, workers);
    ASSERT_FALSE(decision.reason.empty());
    ASSERT_EQ(decision.step == ScalingStep::kStay, decision.workers == workers);
    state = decision.next;
    workers = decision.workers;
  }
}

}  // namespace
}  // namespace granary::runtime
