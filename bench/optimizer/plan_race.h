// PlanRace: runs a query by the plan that is chosen and by each that was rejected, and tells how
// much longer the chosen one took than the best.
//
// Time       of the process's CPU, the least of some runs each; or, for tests, what the work that
//            was really done costs by a given cost model, which is the same on every machine.
// Threads    one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "granary/query/exec/access_plan.h"
#include "granary/query/learning/query_feedback.h"
#include "granary/query/plan/requests.h"
#include "granary/runtime/worker_pool.h"
#include "granary/storage/source/source_snapshot.h"

namespace granary::bench {

struct RaceResult {
  double chosen_ns = 0, best_ns = 0;
  std::size_t plans = 0;
  std::string note;  ///< What was asked, what was chosen and what was best, for people.
  std::optional<double> q_error;  ///< Of the rows that match, where all of them were seen.
  std::vector<query::QueryFeedback> feedback;  ///< Of the chosen plan.

  double regret() const { return best_ns > 0 ? chosen_ns / best_ns : 1; }
};

struct RaceOptions {
  int runs = 3;
  std::optional<query::CostModel> truth;  ///< Instead of a clock.
};

class PlanRace {
 public:
  PlanRace(runtime::WorkerPool& pool, RaceOptions options) : pool_(pool), options_(options) {}

  RaceResult Run(const query::SearchRequest& request, const storage::SourceSnapshot& source,
                 const query::OptimizerOptions& optimizer);

 private:
  struct Lap {
    double ns = 0;
    std::vector<query::QueryFeedback> feedback;
  };
  Lap RunOnce(const query::SearchRequest& request, const storage::SourceSnapshot& source,
              const query::OptimizerOptions& optimizer);

  runtime::WorkerPool& pool_;
  const RaceOptions options_;
};

/// The value below which so large a share of them lies.
double Quantile(std::vector<double> values, double share);

}  // namespace granary::bench
