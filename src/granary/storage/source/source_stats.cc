#include "granary/storage/source/source_stats.h"

#include <arrow/record_batch.h>

#include <algorithm>

#include "granary/storage/stats/stats_builder.h"
#include "granary/types/rest_column.h"

namespace granary::storage {
namespace {

ColumnStats AllNull(const DataType& type, std::uint64_t rows) {
  ColumnStats stats = StatsBuilder(type).Finish();
  stats.rows = rows;
  stats.nulls = rows;
  return stats;
}

// Bounds still bound what is left; nothing else is known of it but how many rows there are.
ColumnStats StatsWithoutDeleted(ColumnStats stats, std::uint64_t deleted) {
  const bool all_null = stats.nulls == stats.rows;
  stats.rows -= std::min(stats.rows, deleted);
  stats.nulls = all_null || stats.nulls == std::uint64_t{0}
                    ? std::optional(all_null ? stats.rows : std::uint64_t{0})
                    : std::nullopt;
  stats.min_exact = false;
  stats.max_exact = false;
  stats.values.reset();
  stats.distribution.clear();  // It counts rows that are gone.
  return stats;
}

std::uint64_t DeletedIn(const Segment& segment) {
  const RowSetPtr deleted = segment.DeletedAt(UINT64_MAX);
  return deleted == nullptr ? 0 : deleted->count();
}

/// Of a column that is younger than its rows: null in all of them, unless their rest may hold
/// values of it.
ColumnStats OfYounger(const Schema& stored, const DataType& type, std::uint64_t rows) {
  if (RestColumn(stored) == nullptr) return AllNull(type, rows);
  ColumnStats unknown;
  unknown.rows = rows;
  return unknown;
}

ColumnStats WholeSegment(const Segment& segment, const Column& column) {
  const SegmentMeta& meta = segment.meta();
  const Column* in_file = segment.file_schema()->FindId(column.id);
  const auto found = meta.columns.find(column.id);
  if (in_file == nullptr) return OfYounger(*segment.file_schema(), column.type, meta.rows);
  if (found == meta.columns.end()) return AllNull(column.type, meta.rows);
  if (found->second.rows != meta.rows) return {.rows = meta.rows};  // Of something else: not used.
  if (in_file->type == column.type) return found->second;
  return ConvertStats(found->second, in_file->type, column.type);
}

ColumnStats InSegment(const Segment& segment, const Column& column) {
  const std::uint64_t deleted = DeletedIn(segment);
  ColumnStats stats = WholeSegment(segment, column);
  if (deleted == 0) return stats;
  if (deleted == segment.meta().rows) return AllNull(column.type, 0);
  return StatsWithoutDeleted(std::move(stats), deleted);
}

ColumnStats InChunk(const HotChunk& chunk, const Column& column) {
  const int index = chunk.schema->IndexOfId(column.id);
  const auto rows = static_cast<std::uint64_t>(chunk.batch->num_rows());
  if (index < 0) return OfYounger(*chunk.schema, column.type, rows);
  const DataType& type = chunk.schema->columns()[static_cast<std::size_t>(index)].type;
  StatsBuilder builder(type);
  builder.Add(*chunk.batch->column(index));
  ColumnStats stats = builder.Finish();
  if (chunk.ends != nullptr && chunk.ends->any()) {
    std::vector<std::int32_t> ended;
    chunk.ends->AppendEnded(chunk.ends_first, chunk.batch->num_rows(), UINT64_MAX, ended);
    stats = StatsWithoutDeleted(std::move(stats), ended.size());
  }
  return type == column.type ? stats : ConvertStats(stats, type, column.type);
}

// In one step: what histograms err does not grow with the number of parts.
ColumnStats MergedOf(const std::vector<ColumnStats>& parts) {
  std::vector<const ColumnStats*> all;
  for (const ColumnStats& part : parts) all.push_back(&part);
  return MergeAllStats(all);
}

}  // namespace

ColumnStatsMap MergeSegmentStats(const Segments& segments, const Schema& schema) {
  ColumnStatsMap merged;
  for (const Column& column : schema.columns()) {
    std::vector<ColumnStats> parts{AllNull(column.type, 0)};
    for (const auto& segment : segments) parts.push_back(InSegment(*segment, column));
    merged.emplace(column.id, MergedOf(parts));
  }
  return merged;
}

ColumnStatsMap CollectHotStats(const std::vector<HotChunk>& hot, const Schema& schema) {
  ColumnStatsMap merged;
  for (const Column& column : schema.columns()) {
    std::vector<ColumnStats> parts{AllNull(column.type, 0)};
    for (const HotChunk& chunk : hot) parts.push_back(InChunk(chunk, column));
    merged.emplace(column.id, MergedOf(parts));
  }
  return merged;
}

ColumnStatsMap SourceStatsCache::Get(const TierView& view, const SchemaPtr& schema) {
  const std::lock_guard lock(mutex_);
  std::uint64_t deleted = 0;
  for (const auto& segment : view.segments) deleted += DeletedIn(*segment);
  const Basis basis{schema->version(), view.flushed_sequence, view.segments.size(), deleted};
  if (basis == basis_ && view.visible_sequence == visible_sequence_ && !merged_.empty())
    return merged_;
  if (!(basis == basis_) || segments_.empty())
    segments_ = MergeSegmentStats(view.segments, *schema);
  basis_ = basis;
  visible_sequence_ = view.visible_sequence;
  merged_ = CollectHotStats(view.hot, *schema);
  for (auto& [id, stats] : merged_) stats = MergeStats(segments_.at(id), stats);
  return merged_;
}

}  // namespace granary::storage
