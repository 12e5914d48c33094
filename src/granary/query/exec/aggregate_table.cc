#include "granary/query/exec/aggregate_table.h"

#include <algorithm>

#include "granary/query/exec/segment_stats.h"
#include "granary/storage/stats/stats_builder.h"

namespace granary::query {

AggregateTable::AggregateTable(const AggregatePlan& plan)
    : plan_(plan),
      groups_(plan.GroupTypes()),
      accumulators_(plan.MakeAccumulators()),
      group_blocks_(plan.groups.size()),
      value_blocks_(plan.columns.size()) {
  Resize();
}

void AggregateTable::Resize() {
  for (const auto& accumulator : accumulators_) accumulator->Resize(groups_.size());
}

Result<AggregateTable::Columns> AggregateTable::Open(const ScannedRows& scanned,
                                                     std::size_t source) const {
  Columns columns;
  const auto open = [&](const PlannedColumn& planned) {
    return MorselColumn::Make(scanned, planned.bound.refs[source], planned.positions[source],
                              planned.use);
  };
  for (const PlannedGroup& group : plan_.groups) {
    GRANARY_ASSIGN(MorselColumn column, open(group.column));
    columns.groups.push_back(std::move(column));
  }
  for (const PlannedColumn& planned : plan_.columns) {
    GRANARY_ASSIGN(MorselColumn column, open(planned));
    columns.values.push_back(std::move(column));
  }
  if (plan_.needs_sequence) {
    const ColumnRef ref{kSequenceColumnId, std::string(kSequenceColumnName), TypeKind::kInt64, {}};
    GRANARY_ASSIGN(
        columns.sequence,
        MorselColumn::Make(scanned, ref, plan_.sequence_positions[source], ColumnUse::kValues));
  }
  return columns;
}

Status AggregateTable::Add(const ScannedRows& scanned, std::size_t source,
                           const QueryContext& context) {
  if (scanned.matches() == 0) return Status::Ok();
  GRANARY_ASSIGN(const Columns columns, Open(scanned, source));
  for (std::int64_t first = 0; first < scanned.matches(); first += context.batch_rows) {
    GRANARY_TRY(context.cancel.Check());
    GRANARY_TRY(
        AddRows(columns, first, std::min(context.batch_rows, scanned.matches() - first), source));
  }
  return Status::Ok();
}

Status AggregateTable::LoadGroups(const Columns& columns, std::int64_t first, std::int64_t count) {
  for (std::size_t i = 0; i < plan_.groups.size(); ++i) {
    const PlannedGroup& group = plan_.groups[i];
    GRANARY_TRY(columns.groups[i].Load(first, count, group.column.input, group_blocks_[i]));
    group.transformer.Apply(group_blocks_[i]);
  }
  groups_.Assign(group_blocks_, group_of_row_);
  Resize();
  return Status::Ok();
}

Status AggregateTable::AddRows(const Columns& columns, std::int64_t first, std::int64_t count,
                               std::size_t source) {
  AccumulatorInput input;
  input.rows = count;
  input.source = static_cast<std::uint32_t>(source);
  if (!plan_.groups.empty()) {
    GRANARY_TRY(LoadGroups(columns, first, count));
    input.groups = group_of_row_.data();
  }
  for (std::size_t i = 0; i < plan_.columns.size(); ++i) {
    GRANARY_TRY(columns.values[i].Load(first, count, plan_.columns[i].input, value_blocks_[i]));
  }
  if (columns.sequence) {
    GRANARY_TRY(columns.sequence->Load(first, count, TypeKind::kInt64, sequence_block_));
    input.sequences = sequence_block_.ints();
  }
  for (std::size_t i = 0; i < accumulators_.size(); ++i) {
    const int column = plan_.aggregates[i].column;
    input.values = column < 0 ? nullptr : &value_blocks_[static_cast<std::size_t>(column)];
    GRANARY_TRY(accumulators_[i]->Update(input));
  }
  return Status::Ok();
}

Result<bool> AggregateTable::AddSegment(const storage::Segment& segment, std::size_t source) {
  if (!plan_.groups.empty()) return false;
  StatsView view = StatsView::OfSegment(segment, *plan_.scans[source].snapshot().schema);
  AggregateTable alone(plan_);  // so that a segment counts wholly or not at all
  for (std::size_t i = 0; i < accumulators_.size(); ++i) {
    const PlannedAggregate& aggregate = plan_.aggregates[i];
    if (aggregate.column < 0) {
      if (!alone.accumulators_[i]->AddStats(segment.meta().rows, nullptr)) return false;
      continue;
    }
    const PlannedColumn& column = plan_.columns[static_cast<std::size_t>(aggregate.column)];
    const auto& ref = column.bound.refs[source];
    if (!ref) continue;  // all null
    const ColumnStats* known = view.Find(ref->id);
    if (known == nullptr || !ref->path.empty()) return false;
    const ColumnStats stats = storage::ConvertStats(*known, ref->type, column.input);
    if (!alone.accumulators_[i]->AddStats(segment.meta().rows, &stats)) return false;
  }
  GRANARY_TRY(Merge(alone));
  return true;
}

Status AggregateTable::Merge(const AggregateTable& other, const runtime::CancelToken& cancel) {
  std::vector<std::uint32_t> group_of;
  groups_.Merge(other.groups_, group_of);
  Resize();
  for (std::size_t i = 0; i < accumulators_.size(); ++i) {
    GRANARY_TRY(cancel.Check());
    GRANARY_TRY(accumulators_[i]->Merge(*other.accumulators_[i], group_of));
  }
  return Status::Ok();
}

}  // namespace granary::query
