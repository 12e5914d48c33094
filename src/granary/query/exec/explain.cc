#include "granary/query/exec/explain.h"

#include <fmt/format.h>

#include <arrow/record_batch.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/aggregate_access.h"
#include "granary/query/exec/aggregate_table.h"
#include "granary/query/exec/answer_rows.h"
#include "granary/query/exec/compiled_patterns.h"
#include "granary/query/exec/explain_source.h"
#include "granary/query/exec/query_access.h"
#include "granary/query/exec/search.h"
#include "granary/query/optimizer/parallel_degree.h"

namespace granary::query {
namespace {

/// A query that was run.
struct Ran {
  std::uint64_t rows = 0;
  double ms = 0;
  QueryStats stats;
};

/// Runs `query`, which tells how many rows came.
template <typename Query>
Result<Ran> RunToExplain(const Query& query) {
  Ran ran;
  const auto begin = std::chrono::steady_clock::now();
  GRANARY_ASSIGN(ran.stats, query(ran.rows));
  ran.ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  return ran;
}

/// Puts the sources below `root`, and what they say about other plans and pruning into the answer.
void AddSources(const std::vector<SourceScan>& scans, const PlanRecord& record, Analyze analyze,
                const QueryContext& context, Explanation& out, double& work_ns) {
  if (context.optimizer != nullptr) out.distrusted = context.optimizer->distrusted;
  for (const PlanRecord::OfSource& source : record.sources) work_ns += source.plan.choices.ns;
  for (std::size_t i = 0; i < record.sources.size(); ++i) {
    const AccessPlan& plan = record.sources[i].plan;
    out.plan.steps.push_back(SourceStep(scans[i], record.sources[i], analyze));
    AddRejected(scans[i], plan, work_ns - plan.choices.ns, out.rejected);
    AddPruned(scans[i], plan, out.pruning);
    AddCorrected(scans[i], plan, out.distrusted);
    AddDistrusted(scans[i], out.distrusted);
  }
}

/// What the root says of the whole.
void FinishExplanation(const QueryContext& context, const PlanRecord& record, double rows,
                       double work_ns, const std::optional<Ran>& ran, Explanation& out) {
  out.plan.estimated = {rows, ElapsedNs(work_ns, record.workers, ModelOf(context)) / kNsInMs};
  out.plan.cost = work_ns / kNsInCost;
  out.plan.detail += fmt::format("; {} worker{} ({})", record.workers,
                                 record.workers == 1 ? "" : "s", record.workers_reason);
  if (ran) {
    out.plan.actual = {static_cast<double>(ran->rows), ran->ms};
    const std::uint64_t planned =
        out.pruning.by_partition + out.pruning.by_statistics + out.pruning.by_deletions;
    out.pruning.by_index =
        ran->stats.segments_pruned - std::min(planned, ran->stats.segments_pruned);
  }
  std::stable_sort(out.rejected.begin(), out.rejected.end(),
                   [](const RejectedPlan& a, const RejectedPlan& b) { return a.cost < b.cost; });
  out.model_version = ModelOf(context).version;
}

std::string OrderText(const SearchRequest& request) {
  std::string text;
  for (const OrderBy& order : request.order_by) {
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", order.column,
                        order.direction == Direction::kDescending ? " desc" : "");
  }
  return text;
}

double PlannedRows(const PlanRecord& record) {
  double rows = 0;
  for (const PlanRecord::OfSource& source : record.sources) rows += source.plan.choices.rows;
  return rows;
}

/// The columns to show of the rows that an order chose.
PlanStep FetchStep(const SearchPlan& plan, const PlanRecord& record, double rows,
                   const CostModel& model, Analyze analyze) {
  PlanStep step;
  step.name = "fetch";
  std::size_t columns = 0, groups = 0;
  for (std::size_t i = 0; i < record.sources.size(); ++i) {
    columns = std::max(columns, plan.rows[i].columns());
    groups += record.sources[i].plan.pieces;
  }
  step.detail =
      fmt::format("{} column{} of the rows that were chosen", columns, columns == 1 ? "" : "s");
  const double met = std::min(static_cast<double>(groups), rows);
  const double ns = static_cast<double>(columns) *
                    (met * (model.chunk_ns + model.pick_chunk_ns) + rows * model.pick_value_ns);
  step.estimated = {rows, ns / kNsInMs};
  step.cost = ns / kNsInCost;
  if (analyze == Analyze::kRun)
    step.actual = {rows, static_cast<double>(record.fetched.ns) / kNsInMs};
  return step;
}

double DistinctIn(const storage::Segment& segment, ColumnId column) {
  const storage::ColumnEstimator* known = segment.Estimator(column);
  return known == nullptr ? 0 : known->distinct().value_or(0);
}

/// About how many groups there will be.
double GroupsOf(const AggregatePlan& plan, double rows) {
  if (plan.groups.empty()) return 1;
  double groups = 1;
  for (const PlannedGroup& group : plan.groups) {
    double distinct = 0;
    for (std::size_t i = 0; i < plan.scans.size(); ++i) {
      const auto& ref = group.column.bound.refs[i];
      if (!ref) continue;
      for (const auto& segment : plan.scans[i].snapshot().segments)
        distinct = std::max(distinct, DistinctIn(*segment, ref->id));
    }
    // What is not known is taken to have as many values as its root.
    groups *= distinct >= 1 ? distinct : std::sqrt(std::max(rows, 1.0));
  }
  return std::min(groups, std::max(rows, 0.0));
}

}  // namespace

Result<Explanation> ExplainSearch(const SearchRequest& asked,
                                  const std::vector<storage::SourceSnapshot>& sources,
                                  const QueryContext& given, Analyze analyze) {
  GRANARY_ASSIGN(const auto compiled, WithPatterns<SearchRequest>::Make(asked, given));
  const SearchRequest& request = compiled.get();
  GRANARY_ASSIGN(const SearchPlan plan, PlanSearch(request, sources));
  PlanRecord record;
  QueryContext context = given;
  context.record = &record;
  const bool ordered = !plan.order.empty();
  std::optional<Ran> ran;
  if (analyze == Analyze::kRun) {
    GRANARY_ASSIGN(ran, RunToExplain([&](std::uint64_t& rows) {
                     return RunSearch(request, sources, context, [&rows](const ResultBatch& batch) {
                       rows += static_cast<std::uint64_t>(batch.batch->num_rows());
                       return Status::Ok();
                     });
                   }));
  } else if (request.limit != 0) {
    QueryStats uncounted;
    if (ordered)
      GRANARY_TRY(PlanOrderedAccess(plan, request.limit, context, uncounted).status());
    else
      GRANARY_TRY(PlanStoredAccess(plan, request.limit, context, uncounted).status());
  }
  Explanation out;
  double work_ns = 0;
  AddSources(ordered ? plan.keys : plan.rows, record, analyze, context, out, work_ns);
  double rows = PlannedRows(record);
  if (request.limit) rows = std::min(rows, static_cast<double>(*request.limit));
  const std::string limit = request.limit ? fmt::format("limit {}", *request.limit) : "no limit";
  if (ordered) {
    out.plan.name = request.limit ? "top_n" : "sort";
    out.plan.detail = fmt::format("by {}, {}", OrderText(request), limit);
    const double fetched = ran ? static_cast<double>(ran->rows) : rows;
    PlanStep fetch = FetchStep(plan, record, fetched, ModelOf(context), analyze);
    fetch.estimated.rows = rows;
    work_ns += fetch.cost * kNsInCost;
    if (!record.sources.empty()) out.plan.steps.push_back(std::move(fetch));
  } else {
    out.plan.name = "search";
    out.plan.detail = fmt::format("as stored, {}", limit);
  }
  FinishExplanation(context, record, rows, work_ns, ran, out);
  return out;
}

Result<Explanation> ExplainAggregate(const AggregateRequest& asked,
                                     const std::vector<storage::SourceSnapshot>& sources,
                                     const QueryContext& given, Analyze analyze) {
  GRANARY_ASSIGN(const auto compiled, WithPatterns<AggregateRequest>::Make(asked, given));
  const AggregateRequest& request = compiled.get();
  GRANARY_ASSIGN(const AggregatePlan plan, PlanAggregate(request, sources));
  GRANARY_TRY(CheckAnswer(request, plan.answer));
  PlanRecord record;
  QueryContext context = given;
  context.record = &record;
  std::optional<Ran> ran;
  if (analyze == Analyze::kRun) {
    GRANARY_ASSIGN(ran, RunToExplain([&](std::uint64_t& rows) {
                     return RunAggregate(
                         request, sources, context,
                         [&rows](const auto&, std::vector<std::vector<Value>> some) {
                           rows += some.size();
                           return Status::Ok();
                         });
                   }));
  } else {
    QueryStats uncounted;
    if (const auto question = KeptQuestionOf(request, plan, context))
      GRANARY_TRY(PlanKeptAccess(plan, *question, context, uncounted).status());
    else
      GRANARY_TRY(PlanAggregateAccess(plan, {}, context, uncounted).status());
  }
  Explanation out;
  out.plan.name = "aggregate";
  double work_ns = 0;
  AddSources(plan.scans, record, analyze, context, out, work_ns);
  double groups = GroupsOf(plan, PlannedRows(record));
  if (record.kept != nullptr) {
    const KeptPlan& kept = *record.kept;
    PlanStep step;
    step.name = AccessPathName(AccessPath::kPartialCache);
    step.detail = fmt::format("{} groups over {} segment{}", CountText(kept.groups), kept.segments,
                              kept.segments == 1 ? "" : "s");
    step.estimated = {kept.groups, kept.ns / kNsInMs};
    step.cost = kept.ns / kNsInCost;
    if (analyze == Analyze::kRun) {
      step.actual = {static_cast<double>(kept.measured.rows),
                     static_cast<double>(kept.measured.ns) / kNsInMs};
    }
    groups = std::max(groups, kept.groups);
    out.rejected.push_back({"read the segments whose states are kept",
                            (work_ns + kept.instead_ns) / kNsInCost,
                            "their groups are found and merged anew, too"});
    work_ns += kept.ns;
    out.plan.steps.push_back(std::move(step));
  }
  if (plan.groups.empty()) {
    out.plan.detail = "one group";
  } else {
    out.plan.detail = fmt::format("about {} groups by ", CountText(groups));
    for (std::size_t i = 0; i < request.group_by.size(); ++i)
      out.plan.detail += (i == 0 ? "" : ", ") + request.group_by[i].alias;
  }
  double rows = groups;
  if (request.limit) rows = std::min(rows, static_cast<double>(*request.limit));
  FinishExplanation(context, record, rows, work_ns, ran, out);
  return out;
}

}  // namespace granary::query
