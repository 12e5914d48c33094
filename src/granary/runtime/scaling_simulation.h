// What the policy of workers costs under a load, beside an oracle that knows what will come.
//
// Objective  kOnTimeShare of the tasks wait no longer for a worker than SimulatedPool::kLateMs.
// Measured   worker-seconds: the time that workers were there. Less is better among those that keep
//            the objective.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "granary/runtime/scaling_policy.h"
#include "granary/runtime/simulated_pool.h"

namespace granary::runtime {

inline constexpr double kOnTimeShare = 0.95;
/// How often a decision is made, there as in a node.
inline constexpr std::int64_t kScalingLookMs = 100;

struct ScalingRun {
  double worker_seconds = 0;
  std::uint64_t tasks = 0;
  std::uint64_t late = 0;
  std::size_t workers_most = 0;
  std::size_t changes = 0;
  double memory_most_percent = 0;

  double late_share() const {
    return tasks == 0 ? 0 : static_cast<double>(late) / static_cast<double>(tasks);
  }
  bool keeps_objective() const { return late_share() <= 1 - kOnTimeShare; }
};

ScalingRun SimulatePolicy(const LoadTrace& trace, const ScalingLimits& limits, std::uint64_t seed);

/// The cheapest that keeps the objective of several plans, each of which tries, look by look, how
/// few workers will do for the tasks that are known to come.
ScalingRun SimulateOracle(const LoadTrace& trace, const ScalingLimits& limits, std::uint64_t seed);

struct ScalingComparison {
  std::string trace;
  ScalingRun policy;
  ScalingRun oracle;
  double ratio() const { return policy.worker_seconds / oracle.worker_seconds; }
};

/// One line a comparison, and a head.
std::string ScalingTable(const std::vector<ScalingComparison>& rows);

}  // namespace granary::runtime
