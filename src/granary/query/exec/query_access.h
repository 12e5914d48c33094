// QueryAccess: the access plans of a query's sources, and how many workers it is worth.
//
// Threads    pure but for looking into caches; the result is immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/access_plan.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/exec/search_plan.h"

namespace granary::query {

struct QueryAccess {
  std::vector<AccessPlan> sources;  ///< As the query's scans.
  double work_ns = 0;
  std::size_t pieces = 0;
  std::size_t workers = 1;

  /// The same context with the workers that the plan takes.
  QueryContext With(const QueryContext& context) const {
    QueryContext mine = context;
    mine.parallelism = workers;
    return mine;
  }
  void Add(AccessPlan plan);
  /// Once all sources are added.
  void ChooseWorkers(const QueryContext& context);
};

const CostModel& ModelOf(const QueryContext& context);

/// Of a search in the order in which rows are stored.
Result<QueryAccess> PlanStoredAccess(const SearchPlan& plan, std::optional<std::uint64_t> limit,
                                     const QueryContext& context, QueryStats& stats);
/// Of one with an order: of its keys.
Result<QueryAccess> PlanOrderedAccess(const SearchPlan& plan, std::optional<std::uint64_t> limit,
                                      const QueryContext& context, QueryStats& stats);

}  // namespace granary::query
