#include "granary/query/exec/aggregate_access.h"

#include <algorithm>

#include "granary/base/bytes.h"
#include "granary/query/exec/aggregate_table.h"
#include "granary/query/exec/plan_record.h"
#include "granary/query/plan/fingerprint.h"

namespace granary::query {
namespace {

/// What a min or max over a whole segment asks of a B-tree, one for each aggregate, when all of
/// them are such: the rows at one end, where rows that tie are as good as one of them.
std::vector<AccessAsk::Order> ExtremesOf(const AggregatePlan& plan, std::size_t source) {
  std::vector<AccessAsk::Order> extremes;
  if (!plan.groups.empty()) return {};
  for (const PlannedAggregate& aggregate : plan.aggregates) {
    const AggregateType type = aggregate.aggregation->type;
    if (type != AggregateType::kMin && type != AggregateType::kMax) return {};
    const auto& ref = plan.columns[static_cast<std::size_t>(aggregate.column)].bound.refs[source];
    if (!ref || !ref->path.empty() || ref->id == kSequenceColumnId) return {};
    extremes.push_back({{ref->id, ref->name, ref->type},
                        type == AggregateType::kMin ? storage::KeyOrder::kAscending
                                                    : storage::KeyOrder::kDescending});
  }
  return extremes;
}

double MergeCost(const AggregatePlan& plan, std::size_t groups, const CostModel& model) {
  return static_cast<double>(groups) * static_cast<double>(plan.aggregates.size() + 1) *
         CostModel::Cost(model.merge_group_ns);
}

/// What it would cost to read the segments that a kept state covers.
double ReadingCost(const QueryAccess& access, const std::vector<SegmentId>& covered) {
  double ns = 0;
  for (const AccessPlan& source : access.sources) {
    for (const PlannedSegment& planned : source.segments) {
      if (std::binary_search(covered.begin(), covered.end(), planned.segment->meta().id))
        ns += planned.choice.ns;
    }
  }
  return ns;
}

}  // namespace

Result<QueryAccess> PlanAggregateAccess(const AggregatePlan& plan,
                                        const std::vector<SegmentId>& covered,
                                        const QueryContext& context, QueryStats& stats) {
  QueryAccess access;
  if (context.record != nullptr) context.record->Begin();
  const CostModel& model = ModelOf(context);
  const bool may_be_known = plan.groups.empty();
  std::optional<AggregateTable> scratch;
  if (may_be_known) scratch.emplace(plan);
  for (std::size_t source = 0; source < plan.scans.size(); ++source) {
    AccessAsk ask;
    ask.per_match_ns = static_cast<double>(plan.groups.size()) * model.group_row_ns +
                       static_cast<double>(plan.aggregates.size()) * model.aggregate_value_ns;
    ask.first_by = ExtremesOf(plan, source);
    ask.first_count = 1;
    if (may_be_known) {
      ask.by_metadata = [&scratch, source](const storage::Segment& segment,
                                           std::uint64_t deleted_rows) {
        return scratch->TakeStats(segment, source, deleted_rows);
      };
    }
    ask.without = covered;
    ask.exactly = WantsAll(context.record);
    GRANARY_ASSIGN(AccessPlan of_source, plan.scans[source].Plan(ask, context, stats));
    access.Add(std::move(of_source));
  }
  access.ChooseWorkers(context);
  return access;
}

std::optional<KeptQuestion> KeptQuestionOf(const AggregateRequest& request,
                                           const AggregatePlan& plan, const QueryContext& context) {
  if (context.kept == nullptr || context.kept->options().bytes_max == 0) return std::nullopt;
  const bool has_percentile = std::ranges::any_of(
      plan.aggregates,
      [](const PlannedAggregate& aggregate) { return IsPercentile(aggregate.aggregation->type); });
  if (has_percentile) return std::nullopt;
  KeptQuestion question;
  const Digest128 states = FingerprintOfStates(request);
  std::string key;
  PutFixed(key, states.low);
  PutFixed(key, states.high);
  // What the states are made of: a source that contributes nothing may still decide on a type.
  for (const PlannedGroup& group : plan.groups) {
    PutString(key, group.column.input.ToString());
    PutString(key, group.transformer.output().ToString());
  }
  for (const PlannedAggregate& aggregate : plan.aggregates) {
    PutString(key, aggregate.shape.input.ToString());
    PutString(key, aggregate.shape.output.ToString());
  }
  for (const PlannedColumn& column : plan.columns) {
    PutString(key, column.input.ToString());
    PutFixed(key, static_cast<std::uint8_t>(column.use));
  }
  for (const SourceScan& scan : plan.scans) {
    const storage::SourceSnapshot& snapshot = scan.snapshot();
    PutFixed(key, snapshot.uid.value);
    PutFixed(key, snapshot.schema->version());
    for (const auto& segment : snapshot.segments)
      question.segments.push_back(
          {segment->meta().id, segment->DeletionMark(snapshot.visible_sequence)});
  }
  std::sort(question.segments.begin(), question.segments.end());
  question.key = Hash128(key);
  return question;
}

Result<KeptAccess> PlanKeptAccess(const AggregatePlan& plan, const KeptQuestion& question,
                                  const QueryContext& context, QueryStats& stats) {
  KeptAccess planned;
  planned.kept = context.kept->Find(question.key, question.segments);
  if (planned.kept == nullptr) {
    GRANARY_ASSIGN(planned.access, PlanAggregateAccess(plan, {}, context, stats));
    return planned;
  }
  std::vector<SegmentId> covered;
  for (const KeptSegment& segment : planned.kept->segments) covered.push_back(segment.id);
  // Whoever read the segments that it covers would find the same groups, and merge them, too. So
  // what is kept is always merged; what that saves is worked out for those who want to know.
  GRANARY_ASSIGN(planned.access, PlanAggregateAccess(plan, covered, context, stats));
  if (!WantsAll(context.record)) return planned;
  const std::size_t groups = planned.kept->table->groups();
  auto record = std::make_unique<KeptPlan>();
  record->groups = static_cast<double>(groups);
  record->ns = MergeCost(plan, groups, ModelOf(context));
  record->segments = planned.kept->segments.size();
  QueryContext unseen = context;
  unseen.record = nullptr;
  QueryStats uncounted;
  GRANARY_ASSIGN(const QueryAccess instead, PlanAggregateAccess(plan, {}, unseen, uncounted));
  record->instead_ns = record->ns + ReadingCost(instead, covered);
  context.record->kept = std::move(record);
  return planned;
}

}  // namespace granary::query
