#include "granary/query/exec/query_access.h"

#include <algorithm>

#include "granary/query/exec/plan_record.h"
#include "granary/query/optimizer/parallel_degree.h"

namespace granary::query {
namespace {

/// With one order column of the source's own type, B-trees over it tell the first rows.
void AskForFirst(const SearchPlan& plan, std::size_t source, std::optional<std::uint64_t> limit,
                 AccessAsk& ask) {
  const OrderColumn& order = plan.order.front();
  const auto& ref = order.bound.refs[source];
  const bool by_index = limit && plan.order.size() == 1 && ref && ref->path.empty() &&
                        order.form == KeyForm::kPlain && ref->id != kSequenceColumnId;
  if (!by_index) return;
  const auto direction = order.direction == Direction::kDescending ? storage::KeyOrder::kDescending
                                                                   : storage::KeyOrder::kAscending;
  ask.first_by.push_back({{ref->id, ref->name, ref->type}, direction});
  ask.first_count = *limit;
}

}  // namespace

const CostModel& ModelOf(const QueryContext& context) {
  static const CostModel kDefault;
  return context.optimizer == nullptr ? kDefault : context.optimizer->model;
}

void QueryAccess::Add(AccessPlan plan) {
  work_ns += plan.choices.ns;
  pieces += plan.pieces;
  sources.push_back(std::move(plan));
}

void QueryAccess::ChooseWorkers(const QueryContext& context) {
  ParallelChoice choice = ParallelDegree(work_ns, pieces, context.parallelism, ModelOf(context));
  const bool by_cost = context.optimizer == nullptr || context.optimizer->enabled;
  if (!by_cost) choice = {context.parallelism, "plans are not chosen by cost"};
  workers = choice.workers;
  if (context.record == nullptr) return;
  context.record->workers = choice.workers;
  context.record->workers_reason = std::move(choice.reason);
}

Result<QueryAccess> PlanStoredAccess(const SearchPlan& plan, std::optional<std::uint64_t> limit,
                                     const QueryContext& context, QueryStats& stats) {
  QueryAccess access;
  if (context.record != nullptr) context.record->GoOn();
  double left = limit ? static_cast<double>(*limit) : 0;
  for (const SourceScan& scan : plan.rows) {
    AccessAsk ask;
    if (limit) ask.limit = static_cast<std::uint64_t>(std::max(left, 0.0));
    ask.exactly = WantsAll(context.record);
    GRANARY_ASSIGN(AccessPlan of_source, scan.Plan(ask, context, stats));
    access.Add(std::move(of_source));
    left -= access.sources.back().choices.rows;
  }
  access.ChooseWorkers(context);
  return access;
}

Result<QueryAccess> PlanOrderedAccess(const SearchPlan& plan, std::optional<std::uint64_t> limit,
                                      const QueryContext& context, QueryStats& stats) {
  QueryAccess access;
  if (context.record != nullptr) {
    context.record->Begin();
    // Morsels with nothing among the first rows are not read.
    if (limit) context.record->miscounts = true;
  }
  for (std::size_t source = 0; source < plan.keys.size(); ++source) {
    AccessAsk ask;
    ask.per_match_ns = ModelOf(context).order_row_ns;
    ask.exactly = WantsAll(context.record);
    AskForFirst(plan, source, limit, ask);
    GRANARY_ASSIGN(AccessPlan of_source, plan.keys[source].Plan(ask, context, stats));
    access.Add(std::move(of_source));
  }
  access.ChooseWorkers(context);
  return access;
}

}  // namespace granary::query
