#include "granary/runtime/scaling_simulation.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace granary::runtime {
namespace {

constexpr double kRatioMax = 1.3;

TEST(ScalingSimulationTest, EveryLoadTakesAtMostAThirdMoreThanAnOracle) {
  for (const std::uint64_t seed : {1u, 2u}) {
    std::vector<ScalingComparison> rows;
    for (const LoadTrace& trace : ScalingTraces())
      rows.push_back(
          {trace.name, SimulatePolicy(trace, {}, seed), SimulateOracle(trace, {}, seed)});
    ASSERT_GE(rows.size(), 6u);
    const std::string table = ScalingTable(rows);
    for (const ScalingComparison& row : rows) {
      EXPECT_LE(row.ratio(), kRatioMax) << row.trace << " with seed " << seed << "\n" << table;
      EXPECT_TRUE(row.policy.keeps_objective()) << row.trace << "\n" << table;
      EXPECT_TRUE(row.oracle.keeps_objective()) << row.trace << "\n" << table;
    }
  }
}

const LoadTrace& Trace(const std::vector<LoadTrace>& all, std::string_view name) {
  return *std::ranges::find(all, name, &LoadTrace::name);
}

// Without this the comparison would say nothing: what does not follow the load costs more, or is
// late.
TEST(ScalingSimulationTest, AFixedNumberIsLateOrCostsMore) {
  const auto traces = ScalingTraces();
  const LoadTrace& spike = Trace(traces, "spike");
  const ScalingRun oracle = SimulateOracle(spike, {}, 1);
  const ScalingRun few = SimulatePolicy(spike, {.workers_min = 4, .workers_max = 4}, 1);
  const ScalingRun many = SimulatePolicy(spike, {.workers_min = 50, .workers_max = 50}, 1);
  EXPECT_FALSE(few.keeps_objective());
  EXPECT_TRUE(many.keeps_objective());
  EXPECT_GT(many.worker_seconds, 3 * oracle.worker_seconds);
}

TEST(ScalingSimulationTest, TwoCpusThatAreFullGetNoFurtherWorkers) {
  LoadTrace load = Trace(ScalingTraces(), "step");
  load.task_disk_ms = 0;
  load.task_cpu_ms = 10;  // 500 a second of them are five CPUs.
  const ScalingRun run = SimulatePolicy(load, {}, 1);
  EXPECT_LE(run.workers_most, 8u) << "some come before the CPUs are seen to be full";
}

TEST(ScalingSimulationTest, OnCpusThatOthersTakeWhatComputesGetsNoFurtherWorkersAndWhatWaitsDoes) {
  LoadTrace load = Trace(ScalingTraces(), "step");
  load.others_cpus = [](double) { return 8.0; };
  const ScalingRun waits = SimulatePolicy(load, {}, 1);
  EXPECT_GT(waits.workers_most, 20u);
  EXPECT_TRUE(waits.keeps_objective()) << waits.late_share();
  load.task_disk_ms = 2;
  load.task_cpu_ms = 10;
  EXPECT_LE(SimulatePolicy(load, {}, 1).workers_most, 8u);
}

TEST(ScalingSimulationTest, ShortMemoryTakesWorkersAway) {
  LoadTrace memory = Trace(ScalingTraces(), "memory-bound");
  memory.memory_percent = [](double s) { return s >= 60 && s < 90 ? 64.0 : 20.0; };
  EXPECT_LE(SimulatePolicy(memory, {}, 1).memory_most_percent, 90);
  EXPECT_GT(SimulatePolicy(memory, {.memory_up_percent = 200, .memory_down_percent = 200}, 1)
                .memory_most_percent,
            90)
      << "memory would not be short";
}

TEST(ScalingSimulationTest, TheSameSeedGivesTheSameRun) {
  const auto traces = ScalingTraces();
  const ScalingRun a = SimulatePolicy(traces[4], {}, 7), b = SimulatePolicy(traces[4], {}, 7);
  EXPECT_EQ(a.worker_seconds, b.worker_seconds);
  EXPECT_EQ(a.late, b.late);
  EXPECT_NE(a.worker_seconds, SimulatePolicy(traces[4], {}, 8).worker_seconds);
}

}  // namespace
}  // namespace granary::runtime
