// What is to be learned of a query, out of the record of its plan.
//
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "granary/query/exec/access_plan.h"
#include "granary/query/learning/query_feedback.h"

namespace granary::query {

struct PlanRecord;

/// What the plan of a source tells before it is carried out.
QueryFeedback PlannedFeedback(AccessPlan& plan, const storage::SourceSnapshot& snapshot,
                              const Predicate* predicate, const IndexQuestions& questions);

/// One a source that was read, of a record with RecordDetail::kWorked whose query has ended well.
/// The record has none any more.
std::vector<QueryFeedback> FeedbackOf(PlanRecord& record, std::int64_t now_us,
                                      const std::string& model_version);

}  // namespace granary::query
