#include "granary/query/learning/regret_watch.h"

#include <vector>

namespace granary::query {

void RegretWatch::Learn(const QueryFeedback& record) { LearnPrices(record, fitter_); }

void RegretWatch::Judge(const QueryFeedback& record) {
  verdicts_.push_back(JudgeAsRun(record, fitter_.model()));
  if (verdicts_.size() > most_) verdicts_.pop_front();
}

ReplayResult RegretWatch::result() const {
  return Summary(std::vector<RunVerdict>(verdicts_.begin(), verdicts_.end()));
}

}  // namespace granary::query
