#include "granary/query/exec/aggregate_blocks.h"

#include <algorithm>
#include <optional>

namespace granary::query {
namespace {

struct Columns {
  std::vector<MorselColumn> groups;
  std::vector<MorselColumn> values;
  std::optional<MorselColumn> sequence;
};

Result<Columns> Open(const AggregatePlan& plan, const ScannedRows& scanned, std::size_t source) {
  Columns columns;
  const auto open = [&](const PlannedColumn& planned) {
    return MorselColumn::Make(scanned, planned.bound.refs[source], planned.positions[source],
                              planned.use);
  };
  for (const PlannedGroup& group : plan.groups) {
    GRANARY_ASSIGN(MorselColumn column, open(group.column));
    columns.groups.push_back(std::move(column));
  }
  for (const PlannedColumn& planned : plan.columns) {
    GRANARY_ASSIGN(MorselColumn column, open(planned));
    columns.values.push_back(std::move(column));
  }
  if (plan.needs_sequence) {
    const ColumnRef ref{kSequenceColumnId, std::string(kSequenceColumnName), TypeKind::kInt64, {}};
    GRANARY_ASSIGN(
        columns.sequence,
        MorselColumn::Make(scanned, ref, plan.sequence_positions[source], ColumnUse::kValues));
  }
  return columns;
}

Status Load(const Columns& columns, std::int64_t first, AggregateBlocks& out) {
  const AggregatePlan& plan = out.plan;
  for (std::size_t i = 0; i < plan.groups.size(); ++i) {
    const PlannedGroup& group = plan.groups[i];
    GRANARY_TRY(columns.groups[i].Load(first, out.rows, group.column.input, out.groups[i]));
    group.transformer.Apply(out.groups[i]);
  }
  for (std::size_t i = 0; i < plan.columns.size(); ++i)
    GRANARY_TRY(columns.values[i].Load(first, out.rows, plan.columns[i].input, out.values[i]));
  if (!columns.sequence) return Status::Ok();
  return columns.sequence->Load(first, out.rows, TypeKind::kInt64, out.sequence);
}

}  // namespace

AggregateBlocks::AggregateBlocks(const AggregatePlan& planned)
    : plan(planned), groups(planned.groups.size()), values(planned.columns.size()) {}

Status AggregateBlocks::ForEachRun(const ScannedRows& scanned, std::size_t from,
                                   const QueryContext& context,
                                   const std::function<Status()>& each) {
  if (scanned.matches() == 0) return Status::Ok();
  GRANARY_ASSIGN(const Columns columns, Open(plan, scanned, from));
  source = static_cast<std::uint32_t>(from);
  for (std::int64_t first = 0; first < scanned.matches(); first += context.batch_rows) {
    GRANARY_TRY(context.cancel.Check());
    rows = std::min(context.batch_rows, scanned.matches() - first);
    GRANARY_TRY(Load(columns, first, *this));
    GRANARY_TRY(each());
  }
  return Status::Ok();
}

void AggregateBlocks::Encode(std::span<const std::int32_t> chosen, std::string& out) const {
  PutFixed(out, static_cast<std::uint32_t>(chosen.size()));
  PutFixed(out, source);
  for (const std::int32_t row : chosen) PutFixed(out, ordinals[static_cast<std::size_t>(row)]);
  for (const ValueBlock& group : groups) group.EncodeRows(chosen, out);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (plan.columns[i].use == ColumnUse::kPresence)
      values[i].EncodePresence(chosen, out);
    else
      values[i].EncodeRows(chosen, out);
  }
  if (plan.needs_sequence) sequence.EncodeRows(chosen, out);
}

Status AggregateBlocks::Decode(std::string_view page) {
  ByteReader in(page);
  rows = in.Fixed<std::uint32_t>();
  source = in.Fixed<std::uint32_t>();
  ordinals.resize(static_cast<std::size_t>(rows));
  for (std::uint64_t& ordinal : ordinals) ordinal = in.Fixed<std::uint64_t>();
  for (std::size_t i = 0; i < groups.size(); ++i)
    GRANARY_TRY(groups[i].Decode(plan.groups[i].transformer.output(), rows, in));
  for (std::size_t i = 0; i < values.size(); ++i) {
    GRANARY_TRY(plan.columns[i].use == ColumnUse::kPresence
                    ? values[i].DecodePresence(rows, in)
                    : values[i].Decode(plan.columns[i].input, rows, in));
  }
  if (plan.needs_sequence) GRANARY_TRY(sequence.Decode(TypeKind::kInt64, rows, in));
  return in.ok() ? Status::Ok()
                 : Status::Corruption("a page of a query's temporary file is cut short");
}

}  // namespace granary::query
