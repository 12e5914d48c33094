#include "granary/query/exec/segment_stats.h"

#include <algorithm>

#include "granary/query/exec/path_outcomes.h"
#include "granary/storage/stats/stats_builder.h"
#include "granary/types/rest_column.h"

namespace granary::query {
namespace {

ColumnStats AllNull(std::uint64_t rows) {
  ColumnStats stats;
  stats.rows = rows;
  stats.nulls = rows;
  stats.may_have_nan = false;
  return stats;
}

ColumnStats SequenceStats(const storage::SegmentMeta& meta) {
  ColumnStats stats;
  stats.rows = meta.rows;
  stats.nulls = 0;
  stats.min = static_cast<std::int64_t>(meta.min_sequence);
  stats.max = static_cast<std::int64_t>(meta.max_sequence);
  stats.min_exact = true;
  stats.max_exact = true;
  stats.may_have_nan = false;
  return stats;
}

/// The rest of records of which younger columns take over: less of it may be left than the file
/// has.
bool MayBeSplit(const Column& column, const Schema& file_schema, const Schema& schema) {
  return IsRestColumn(column) && std::ranges::any_of(schema.columns(), [&](const Column& other) {
           return file_schema.FindId(other.id) == nullptr;
         });
}

}  // namespace

StatsView StatsView::OfSegment(const storage::Segment& segment, const Schema& schema) {
  return StatsView([&segment, &schema](ColumnId id) -> std::optional<ColumnStats> {
    const storage::SegmentMeta& meta = segment.meta();
    if (id == kSequenceColumnId) return SequenceStats(meta);
    const Column* now = schema.FindId(id);
    const Column* then = segment.file_schema()->FindId(id);
    if (now == nullptr || MayBeSplit(*now, *segment.file_schema(), schema)) return std::nullopt;
    if (then == nullptr) {
      // The rest of the records may hold values of it.
      if (RestColumn(*segment.file_schema()) != nullptr) return std::nullopt;
      return AllNull(meta.rows);
    }
    const auto known = meta.columns.find(id);
    if (known == meta.columns.end()) return std::nullopt;
    return storage::ConvertStats(storage::WithoutSketches(known->second), then->type, now->type);
  });
}

StatsView StatsView::OfRowGroup(const storage::SegmentReader& reader, int row_group,
                                const Schema& schema) {
  const auto make = [&reader, row_group, &schema](ColumnId id) -> std::optional<ColumnStats> {
    if (id == kSequenceColumnId) return reader.RowGroupStats(row_group, id, TypeKind::kInt64);
    const Column* now = schema.FindId(id);
    if (now == nullptr || MayBeSplit(*now, reader.file_schema(), schema)) return std::nullopt;
    return reader.RowGroupStats(row_group, id, now->type);
  };
  return StatsView(make, [&reader, row_group, &schema](const Predicate& leaf) {
    return PathOutcomes(reader, row_group, schema, leaf);
  });
}

const ColumnStats* StatsView::Find(ColumnId column) {
  auto found = made_.find(column);
  if (found == made_.end()) found = made_.emplace(column, make_(column)).first;
  return found->second ? &*found->second : nullptr;
}

storage::Outcomes StatsView::OutcomesOf(const Predicate& predicate) {
  return storage::PossibleOutcomes(
      predicate, [this](ColumnId column) { return Find(column); }, leaves_);
}

}  // namespace granary::query
