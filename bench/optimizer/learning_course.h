// LearningCourse: what learning is worth: regret and q-error over generated queries before it,
// after it, and after statistics went wrong.
//
// Threads    one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench_source.h"
#include "plan_race.h"

namespace granary::bench {

struct CourseOptions {
  std::vector<BenchShape> shapes;
  std::size_t queries = 300;  ///< Measured in each stage, over all shapes together.
  std::size_t lessons = 300;  ///< Learned from in between.
  std::uint64_t seed = 1;
  RaceOptions race;
  query::CostModel start;  ///< Before anything was learned.
};

struct StageResult {
  std::string stage;
  std::vector<std::string> worst;  ///< The worst choices, with their regret.
  std::size_t queries = 0, plans = 0;
  double regret_median = 0, regret_p95 = 0, q_error_median = 0, q_error_p95 = 0;
};

struct CourseResult {
  std::vector<StageResult> stages;
  /// So many queries after statistics went wrong, the next fifty were within 1.1 and 1.5 (median
  /// and p95) again, or within a tenth of what they were before; nothing: never.
  std::optional<std::size_t> back_within;
  std::string model_version;
  query::CostModel learned;
};

CourseResult RunCourse(const CourseOptions& options);

}  // namespace granary::bench
