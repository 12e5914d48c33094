// Replay: what a model would have chosen for queries that are recorded, and how much longer that
// takes than the best.
//
// How        the true time of a plan is its work at hindsight prices: those that fit the recorded
//            timings best, over the rows that really came. The model sees the estimates that the
//            query had, with its own corrections instead of those of then, and chooses; its regret
//            is the true time of its choice by that of the best plan.
// Promise    pure: the same records and model, the same answer.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "granary/query/learning/coefficient_fitter.h"
#include "granary/query/learning/learned_model.h"
#include "granary/query/learning/query_feedback.h"

namespace granary::query {

struct ReplayResult {
  std::uint64_t queries = 0;   ///< That had more than one plan and could be replayed.
  std::uint64_t left_out = 0;  ///< Those whose facts were not told, or with one plan.
  double regret_mean = 1;      ///< Geometric.
  double regret_median = 1;
  double regret_p95 = 1;
  double same_choice = 1;  ///< The share of queries for which it is the plan that ran.
};

/// What `fitter` can learn of a record: the timings of its operators whose work was counted.
void LearnPrices(const QueryFeedback& record, CoefficientFitter& fitter);
/// The prices that explain the timings best, beginning with `start`.
CostModel HindsightPrices(std::span<const QueryFeedback> records, const CostModel& start);

ReplayResult Replay(std::span<const QueryFeedback> records, const LearnedModel& model,
                    const CostModel& hindsight);

/// The regret of what really ran: as of a model that chose so.
ReplayResult ReplayAsRun(std::span<const QueryFeedback> records, const CostModel& hindsight);

/// Of one query.
struct RunVerdict {
  bool left_out = true;
  double log_regret = 0;  ///< 0: it was the best plan.
  bool same_choice = false;
};
RunVerdict JudgeAsRun(const QueryFeedback& record, const CostModel& hindsight);
ReplayResult Summary(std::vector<RunVerdict> verdicts);

}  // namespace granary::query
