// The access plans of an aggregate: what is read of its sources, what statistics answer, and what
// a state that is kept takes over, which is always merged.
//
// Threads    pure but for looking into caches.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "granary/base/hash.h"
#include "granary/base/status.h"
#include "granary/query/exec/aggregate_plan.h"
#include "granary/query/exec/kept_aggregates.h"
#include "granary/query/exec/query_access.h"

namespace granary::query {

/// `covered`: segments that are not read, ascending.
Result<QueryAccess> PlanAggregateAccess(const AggregatePlan& plan,
                                        const std::vector<SegmentId>& covered,
                                        const QueryContext& context, QueryStats& stats);

/// What a question is kept under, and which segments it is about.
struct KeptQuestion {
  Digest128 key;
  std::vector<KeptSegment> segments;  ///< Ascending.
};

/// Nothing where nothing is kept. The state of a percentile is as large as its column, and is not.
std::optional<KeptQuestion> KeptQuestionOf(const AggregateRequest& request,
                                           const AggregatePlan& plan, const QueryContext& context);

struct KeptAccess {
  QueryAccess access;
  std::shared_ptr<const KeptAggregate> kept;  ///< Null: there is none.
};
Result<KeptAccess> PlanKeptAccess(const AggregatePlan& plan, const KeptQuestion& question,
                                  const QueryContext& context, QueryStats& stats);

}  // namespace granary::query
