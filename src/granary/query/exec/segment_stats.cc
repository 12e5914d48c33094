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
  StatsView view(schema);
  view.segment_ = &segment;
  return view;
}

void StatsView::Look(const storage::Segment& segment) {
  // Neighbours mostly have the same schema: where their columns are is looked up once.
  if (segment_ == nullptr || segment.file_schema() != segment_->file_schema()) found_.clear();
  segment_ = &segment;
  made_.clear();
}

int StatsView::PlaceAsIs(ColumnId id) const {
  const Schema& file_schema = *segment_->file_schema();
  const Column* now = schema_->FindId(id);
  const int place = file_schema.IndexOfId(id);
  if (now == nullptr || place < 0 || MayBeSplit(*now, file_schema, *schema_)) return -1;
  return now->type == file_schema.columns()[static_cast<std::size_t>(place)].type ? place : -1;
}

StatsView StatsView::OfRowGroup(const storage::SegmentReader& reader, int row_group,
                                const Schema& schema) {
  StatsView view(schema);
  view.reader_ = &reader;
  view.row_group_ = row_group;
  return view;
}

const ColumnStats* StatsView::OfSegment(ColumnId id) {
  const storage::SegmentMeta& meta = segment_->meta();
  if (id == kSequenceColumnId) return Keep(SequenceStats(meta));
  const Column* now = schema_->FindId(id);
  const Column* then = segment_->file_schema()->FindId(id);
  if (now == nullptr || MayBeSplit(*now, *segment_->file_schema(), *schema_)) return nullptr;
  if (then == nullptr) {
    // The rest of the records may hold values of it.
    if (RestColumn(*segment_->file_schema()) != nullptr) return nullptr;
    return Keep(AllNull(meta.rows));
  }
  const auto known = meta.columns.find(id);
  if (known == meta.columns.end()) return nullptr;
  // Sketches are kilobytes: what needs no converting is not copied.
  if (now->type == then->type) return &known->second;
  return Keep(
      storage::ConvertStats(storage::WithoutSketches(known->second), then->type, now->type));
}

const ColumnStats* StatsView::Find(ColumnId column) {
  for (Found& found : found_) {
    if (found.column != column) continue;
    if (found.of == segment_) return found.stats;
    found.of = segment_;
    found.stats = found.as_is < 0 ? OfSegment(column)
                                  : segment_->StatsAt(static_cast<std::size_t>(found.as_is));
    return found.stats;
  }
  const ColumnStats* stats = nullptr;
  int as_is = -1;
  if (segment_ != nullptr) {
    stats = OfSegment(column);
    as_is = PlaceAsIs(column);
  } else if (column == kSequenceColumnId) {
    stats = Keep(reader_->RowGroupStats(row_group_, column, TypeKind::kInt64));
  } else if (const Column* now = schema_->FindId(column);
             now != nullptr && !MayBeSplit(*now, reader_->file_schema(), *schema_)) {
    stats = Keep(reader_->RowGroupStats(row_group_, column, now->type));
  }
  found_.push_back({column, stats, segment_, as_is});
  return stats;
}

storage::Outcomes StatsView::OutcomesOf(const Predicate& predicate) {
  const storage::StatsLookup stats = [this](ColumnId column) { return Find(column); };
  if (reader_ == nullptr) return storage::PossibleOutcomes(predicate, stats);
  return storage::PossibleOutcomes(predicate, stats, [this](const Predicate& leaf) {
    return PathOutcomes(*reader_, row_group_, *schema_, leaf);
  });
}

}  // namespace granary::query
