#include "granary/query/exec/source_scan.h"

#include <algorithm>

#include "granary/query/exec/plan_record.h"
#include "granary/query/exec/query_feedback_of.h"

namespace granary::query {
namespace {

/// What is known of the columns of a source's largest segment, for the order of a filter's parts.
KnownColumns KnownInLargest(const storage::SourceSnapshot& snapshot) {
  const storage::Segment* largest = nullptr;
  for (const auto& segment : snapshot.segments) {
    if (largest == nullptr || segment->meta().rows > largest->meta().rows) largest = segment.get();
  }
  if (largest == nullptr) return {};
  const Schema* schema = snapshot.schema.get();
  return [largest, schema](ColumnId id) -> const storage::ColumnEstimator* {
    const Column* now = schema->FindId(id);
    const Column* then = largest->file_schema()->FindId(id);
    const bool is_the_same = now != nullptr && then != nullptr && now->type == then->type;
    return is_the_same ? largest->Estimator(id) : nullptr;
  };
}

}  // namespace

Result<SourceScan> SourceScan::Make(const storage::SourceSnapshot& snapshot,
                                    std::optional<Predicate> predicate,
                                    const std::vector<ScanColumn>& output) {
  SourceScan scan;
  scan.snapshot_ = &snapshot;
  scan.typical_ = KnownInLargest(snapshot);
  scan.predicate_ = std::move(predicate);
  for (const ScanColumn& column : output) scan.output_.push_back(scan.IdOf(column));
  if (scan.predicate_) {
    scan.questions_ = QuestionsOf(*scan.predicate_);
    Predicate numbered = *scan.predicate_;
    scan.NumberPaths(numbered);
    scan.filter_columns_ = numbered.Columns();
    GRANARY_ASSIGN(scan.evaluator_,
                   PredicateEvaluator::Make(numbered, scan.filter_columns_, scan.typical_));
  }
  for (const ColumnId id : scan.output_) {
    if (std::ranges::find(scan.filter_columns_, id) == scan.filter_columns_.end())
      scan.rest_.push_back(id);
  }
  return scan;
}

ColumnId SourceScan::IdOf(const ScanColumn& column) {
  if (column.path.empty()) return column.id;
  const auto found = std::find(paths_.begin(), paths_.end(), column);
  const auto at = static_cast<ColumnId>(found - paths_.begin());
  if (found == paths_.end()) paths_.push_back(column);
  return -at - 1;
}

void SourceScan::NumberPaths(Predicate& predicate) {
  for (Predicate& child : predicate.children) NumberPaths(child);
  if (!predicate.path.empty()) predicate.column = IdOf({predicate.column, predicate.path});
}

Result<AccessPlan> SourceScan::Plan(const AccessAsk& given, const QueryContext& context,
                                    QueryStats& stats) const {
  static const OptimizerOptions kDefault;
  const AccessInput input{*snapshot_, predicate_ ? &*predicate_ : nullptr,
                          questions_, filter_columns_,
                          rest_,      typical_};
  AccessAsk ask = given;
  ask.cancel = &context.cancel;
  GRANARY_ASSIGN(
      AccessPlan plan,
      PlanAccess(input, ask, context.optimizer == nullptr ? kDefault : *context.optimizer));
  stats.segments_total += plan.segments_total;
  stats.segments_pruned += plan.pruned.size();
  Record(plan, context.record);
  return plan;
}

void SourceScan::Record(AccessPlan& plan, PlanRecord* record) const {
  if (record == nullptr) return;
  const std::size_t questions = questions_.questions.size();
  if (record->detail == RecordDetail::kAll) {
    record->Add(plan, questions);
    return;
  }
  AccessPlan light;
  light.choices.groups = plan.choices.groups;
  light.shape = plan.shape;
  light.asked = plan.asked;
  light.named = plan.named;
  light.is_one_question = plan.is_one_question;
  record->Add(std::move(light), questions);
  record->sources.back().feedback =
      PlannedFeedback(plan, *snapshot_, predicate_ ? &*predicate_ : nullptr, questions_);
}

}  // namespace granary::query
