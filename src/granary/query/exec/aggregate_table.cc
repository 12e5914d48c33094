#include "granary/query/exec/aggregate_table.h"

#include <algorithm>
#include <optional>

#include "granary/query/exec/number_texts.h"
#include "granary/query/exec/segment_stats.h"
#include "granary/storage/stats/stats_builder.h"

namespace granary::query {
namespace {

/// A value that no type holds has its place in the request.
Status Placed(Status status, const PlannedAggregate& aggregate) {
  if (status.code() != Code::kTypeMismatch || !status.fields().empty()) return status;
  return Status::Invalid(status.code(), aggregate.aggregation->pointer,
                         std::string(status.message()));
}

}  // namespace

AggregateTable::AggregateTable(const AggregatePlan& plan, KeyLookup lookup, HeldValues held)
    : plan_(&plan),
      groups_(plan.GroupTypes(), lookup),
      accumulators_(plan.MakeAccumulators(lookup, held)) {
  Resize();
}

void AggregateTable::Resize() {
  for (const auto& accumulator : accumulators_) accumulator->Resize(groups_.size());
}

Status AggregateTable::Add(const AggregateBlocks& blocks, const runtime::CancelToken& cancel) {
  AccumulatorInput input;
  input.cancel = &cancel;
  input.rows = blocks.rows;
  input.source = blocks.source;
  if (!plan_->groups.empty()) {
    GRANARY_TRY(groups_.MakeRoom(static_cast<std::size_t>(blocks.rows), cancel));
    groups_.Assign(blocks.groups, group_of_);
    Resize();
    input.groups = group_of_.data();
  }
  if (plan_->needs_sequence) input.sequences = blocks.sequence.ints();
  for (std::size_t i = 0; i < accumulators_.size(); ++i) {
    const int column = plan_->aggregates[i].column;
    input.values = column < 0 ? nullptr : &blocks.values[static_cast<std::size_t>(column)];
    GRANARY_TRY(Placed(accumulators_[i]->Update(input), plan_->aggregates[i]));
  }
  return Status::Ok();
}

Status AggregateTable::MergeKnown(const AggregateTable& other) {
  const runtime::CancelToken never;  // What statistics know has one group.
  GRANARY_TRY(groups_.Merge(other.groups_, group_of_, never));
  Resize();
  for (std::size_t i = 0; i < accumulators_.size(); ++i) {
    if (HoldsValues(plan_->aggregates[i].aggregation->type)) continue;
    GRANARY_TRY(accumulators_[i]->Merge(*other.accumulators_[i], group_of_, never));
  }
  return Status::Ok();
}

Status AggregateTable::AddGroups(const std::vector<ValueBlock>& groups, std::int64_t rows,
                                 const runtime::CancelToken& cancel) {
  if (plan_->groups.empty()) {
    group_of_.assign(static_cast<std::size_t>(rows), 0);
    return Status::Ok();
  }
  GRANARY_TRY(groups_.MakeRoom(static_cast<std::size_t>(rows), cancel));
  groups_.Assign(groups, group_of_);
  Resize();
  return Status::Ok();
}

void AggregateTable::FindGroups(const AggregateBlocks& blocks) {
  if (plan_->groups.empty())
    group_of_.assign(static_cast<std::size_t>(blocks.rows), 0);
  else
    groups_.Assign(blocks.groups, group_of_);
}

std::uint64_t AggregateTable::bytes() const {
  std::uint64_t bytes = groups_.bytes() + BytesOf(group_of_);
  for (const auto& accumulator : accumulators_) bytes += accumulator->bytes();
  return bytes;
}

bool AggregateTable::TakeStats(const storage::Segment& segment, std::size_t source,
                               std::uint64_t deleted_rows) {
  if (!plan_->groups.empty()) return false;
  const std::uint64_t rows = segment.meta().rows - deleted_rows;
  StatsView view = StatsView::OfSegment(segment, *plan_->scans[source].snapshot().schema);
  for (std::size_t i = 0; i < accumulators_.size(); ++i) {
    const PlannedAggregate& aggregate = plan_->aggregates[i];
    if (aggregate.column < 0) {
      if (!accumulators_[i]->AddStats(rows, nullptr)) return false;
      continue;
    }
    if (deleted_rows > 0) return false;  // What the statistics know is of all rows.
    const PlannedColumn& column = plan_->columns[static_cast<std::size_t>(aggregate.column)];
    const auto& ref = column.bound.refs[source];
    if (!ref) continue;  // all null
    const ColumnStats* known = view.Find(ref->id);
    if (known == nullptr || !ref->path.empty()) return false;
    std::optional<ColumnStats> converted;
    if (column.use == ColumnUse::kNumberTexts)
      converted = NumberTextStats(*known, ref->type);
    else if (ref->type != column.input)
      converted = storage::ConvertStats(*known, ref->type, column.input);
    if (!accumulators_[i]->AddStats(rows, converted ? &*converted : known)) return false;
  }
  return true;
}

Result<bool> AggregateTable::AddSegment(const storage::Segment& segment, std::size_t source,
                                        std::uint64_t deleted_rows) {
  AggregateTable alone(*plan_);  // so that a segment counts wholly or not at all
  if (!alone.TakeStats(segment, source, deleted_rows)) return false;
  GRANARY_TRY(Merge(alone));
  return true;
}

Status AggregateTable::Merge(const AggregateTable& other, const runtime::CancelToken& cancel) {
  GRANARY_TRY(groups_.Merge(other.groups_, group_of_, cancel));
  Resize();
  for (std::size_t i = 0; i < accumulators_.size(); ++i) {
    GRANARY_TRY(cancel.Check());
    const Status merged = accumulators_[i]->Merge(*other.accumulators_[i], group_of_, cancel);
    GRANARY_TRY(Placed(merged, plan_->aggregates[i]));
  }
  return Status::Ok();
}

}  // namespace granary::query
