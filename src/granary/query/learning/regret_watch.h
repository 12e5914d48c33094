// RegretWatch: the regret of what runs, kept up record by record: ReplayAsRun, at prices that go on
// being fitted while records come.
//
// Cost       of a record: its own, however many came before. Of them there stay the last kMost
//            verdicts, a few bytes each, and the fitter.
// Verdicts   are at the prices that were known when the record came, and stay what they were: with
//            prices that were fitted to a history before (the start), they are those of ReplayAsRun.
// Bad input  as CoefficientFitter and Replay: what lies is no observation, and is left out.
// Threads    one.
#pragma once

#include <cstdint>
#include <deque>

#include "granary/query/learning/coefficient_fitter.h"
#include "granary/query/learning/query_feedback.h"
#include "granary/query/learning/replay.h"

namespace granary::query {

class RegretWatch {
 public:
  /// `start`: prices that explain what was before; of verdicts the last `most` count.
  RegretWatch(const CostModel& start, std::size_t most) : fitter_(start), most_(most) {}

  /// What work took, whichever model chose it.
  void Learn(const QueryFeedback& record);
  /// What was chosen, by the model that is watched.
  void Judge(const QueryFeedback& record);

  ReplayResult result() const;
  /// Of the last `most`, those that could not be judged among them.
  std::size_t records() const { return verdicts_.size(); }

 private:
  CoefficientFitter fitter_;
  std::size_t most_;
  std::deque<RunVerdict> verdicts_;
};

}  // namespace granary::query
