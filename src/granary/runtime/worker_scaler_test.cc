#include "granary/runtime/worker_scaler.h"

#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <thread>

#include "granary/testing/fake_clock.h"

namespace granary::runtime {
namespace {

class WorkerScalerTest : public ::testing::Test {
 protected:
  void LookAfter(std::int64_t ms) {
    clock_.AdvanceMicros(ms * 1000);
    scaler_.Look();
  }

  testing::FakeClock clock_;
  WorkerPool pool_{{.threads = 2}};
  MachineUse machine_{.cpu_percent = 20, .memory_percent = 20};
  WorkerScaler scaler_{pool_,
                       {.limits = {}, .look_every = std::nullopt},
                       [this] { return machine_; },
                       clock_,
                       Logger::Null()};
};

// Tasks that wait as for a disk: all of them at once, or those in front hold up the others.
TEST_F(WorkerScalerTest, APoolFollowsItsLoadUpAndDown) {
  std::latch go(1);
  for (int i = 0; i < 40; ++i) pool_.Submit([&go] { go.wait(); });
  while (pool_.use().oldest_wait_ns <= static_cast<std::int64_t>(kDelayMsMax * 1e6))
    std::this_thread::yield();
  for (int i = 0; i < 20 && pool_.size() < 40; ++i) {
    LookAfter(150);
    while (pool_.running() < std::min<std::size_t>(pool_.size(), 40)) std::this_thread::yield();
  }
  EXPECT_GE(pool_.size(), 40u);
  go.count_down();
  while (pool_.running() > 0) std::this_thread::yield();
  for (int i = 0; i < 100 && pool_.size() > 2; ++i) LookAfter(500);
  EXPECT_EQ(pool_.size(), 2u);
  while (pool_.threads() > 2) std::this_thread::yield();

  const ScalingReport report = scaler_.report();
  EXPECT_GE(report.grown, 4u);
  EXPECT_GE(report.shrunk, 4u);
  EXPECT_EQ(report.workers, 2u);
  ASSERT_TRUE(report.last);
  EXPECT_EQ(report.last->queued, 0u);
}

TEST_F(WorkerScalerTest, KeepsSoManyDecisionsWithWhatTheyWereMadeOf) {
  LookAfter(100);
  LookAfter(100);
  EXPECT_EQ(scaler_.report().decisions.size(), 1u) << "the second says nothing new";
  EXPECT_EQ(scaler_.report().decisions[0].inputs.workers, 2u);
  for (std::size_t i = 0; i < 2 * WorkerScaler::kDecisionsKept; ++i) {
    machine_.memory_percent = i % 2 == 0 ? 90 : 20;
    LookAfter(100);
    const std::size_t kept = scaler_.report().decisions.size();
    EXPECT_EQ(kept, std::min(i + 2, WorkerScaler::kDecisionsKept));
  }
  const MadeDecision& newest = scaler_.report().decisions.back();
  EXPECT_EQ(newest.wall_us, clock_.WallMicros());
  EXPECT_EQ(newest.inputs.memory_percent, 20);
}

TEST_F(WorkerScalerTest, ADisabledOneLeavesThePoolAsItIs) {
  WorkerScaler off(
      pool_, {.enabled = false}, [this] { return machine_; }, clock_, Logger::Null());
  EXPECT_FALSE(off.report().enabled);
  EXPECT_EQ(off.report().workers, 2u);
  EXPECT_FALSE(off.report().last);
}

TEST_F(WorkerScalerTest, LooksByItself) {
  std::latch looked(3);
  WorkerScaler own(
      pool_, {.limits = {}, .look_every = std::chrono::milliseconds(1)},
      [&] {
        if (!looked.try_wait()) looked.count_down();
        return machine_;
      },
      clock_, Logger::Null());
  looked.wait();
  own.Stop();
  EXPECT_TRUE(own.report().last);
}

}  // namespace
}  // namespace granary::runtime
