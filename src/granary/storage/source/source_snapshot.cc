#include "granary/storage/source/source_snapshot.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>

#include "granary/types/rest_column.h"

namespace granary::storage {
namespace {

Status Expired(const SourceSnapshot& now, std::string_view why) {
  return {Code::kCursorExpired, fmt::format("the snapshot of source \"{}\" that the cursor began "
                                            "with is gone: {}; search again without a cursor",
                                            now.id.str(), why)};
}

// The first row with a sequence above `sequence`.
std::int64_t RowsUpTo(const HotChunk& chunk, std::uint64_t sequence) {
  const std::int64_t* begin = chunk.sequences->raw_values();
  const std::int64_t* end = begin + chunk.sequences->length();
  return std::upper_bound(begin, end, static_cast<std::int64_t>(sequence)) - begin;
}

HotChunk Slice(const HotChunk& chunk, std::int64_t first, std::int64_t count) {
  if (first == 0 && count == chunk.sequences->length()) return chunk;
  return {chunk.schema,
          chunk.batch->Slice(first, count),
          std::static_pointer_cast<arrow::Int64Array>(chunk.sequences->Slice(first, count)),
          nullptr,
          chunk.ends,
          chunk.ends_first + first};
}

void KeepUpTo(std::uint64_t sequence, std::vector<HotChunk>& hot) {
  std::vector<HotChunk> kept;
  for (const HotChunk& chunk : hot) {
    if (const std::int64_t rows = RowsUpTo(chunk, sequence); rows > 0)
      kept.push_back(Slice(chunk, 0, rows));
  }
  hot = std::move(kept);
}

// Where records keep a rest, a column that is declared takes values over from it, and one that is
// dropped takes them along: what a filter means then changes for records that are there already.
bool MeansTheSame(const Schema& now, const Schema& then) {
  if (RestColumn(then) == nullptr) return true;
  return std::ranges::equal(now.columns(), then.columns(), {}, &Column::id, &Column::id);
}

// The type that a column has, or had before it was dropped.
DataType NewestType(const Column& old, const Schema& now, std::span<const SchemaVersion> history) {
  if (const Column* column = now.FindId(old.id)) return column->type;
  for (std::size_t i = history.size(); i-- > 0;) {
    if (const Column* column = history[i].schema->FindId(old.id)) return column->type;
  }
  return old.type;
}

// The columns that were there then, by their names of then, in their newest types: what is cached
// of a column under a version of the schema has one type.
SchemaPtr SchemaOf(const SchemaPtr& now, const Schema& then,
                   std::span<const SchemaVersion> history) {
  std::vector<Column> columns;
  for (const Column& old : then.columns())
    columns.push_back({old.id, old.name, NewestType(old, *now, history)});
  if (columns == now->columns()) return now;
  return std::make_shared<const Schema>(now->version(), now->last_id(), std::move(columns));
}

// Columns of then that a segment of the snapshot was written without since.
std::vector<ColumnId> LostColumns(const SourceSnapshot& rewound, const Schema& now,
                                  const Schema& then) {
  std::vector<ColumnId> lost;
  for (const Column& old : then.columns()) {
    if (now.FindId(old.id) != nullptr) continue;
    const bool is_lost = std::ranges::any_of(rewound.segments, [&](const auto& segment) {
      const Schema& written = *segment->file_schema();
      return written.version() > then.version() && written.FindId(old.id) == nullptr;
    });
    if (is_lost) lost.push_back(old.id);
  }
  return lost;
}

}  // namespace

SnapshotMark MarkOf(const SourceSnapshot& snapshot) {
  return {snapshot.uid,
          snapshot.visible_sequence,
          snapshot.flushed_sequence,
          snapshot.schema->version(),
          snapshot.life,
          snapshot.generation};
}

Result<SourceSnapshot> Rewind(SourceSnapshot now, const SnapshotMark& mark, const Schema& then,
                              std::span<const SchemaVersion> history) {
  if (now.uid != mark.uid) return Expired(now, "the source was dropped");
  const bool had_hot_rows = mark.visible_sequence > mark.flushed_sequence;
  if (mark.life != 0 && now.life != mark.life && had_hot_rows)
    return Expired(now, "its newest records were not on disk yet, and the node was started again");
  if (mark.visible_sequence > now.visible_sequence || mark.flushed_sequence > mark.visible_sequence)
    return Expired(now, "its records end before it");
  if (mark.visible_sequence < now.oldest_sequence)
    return Expired(now, "which of its records were deleted since is not known any more");
  if (now.generation != mark.generation)
    return Expired(now, "its files were merged, and the old ones are gone");
  if (!MeansTheSame(*now.schema, then))
    return Expired(now, "a column of its documents was declared or dropped since");
  std::erase_if(now.segments, [&](const auto& segment) {
    return segment->meta().min_sequence > mark.visible_sequence;
  });
  KeepUpTo(mark.visible_sequence, now.hot);
  now.visible_sequence = mark.visible_sequence;
  now.flushed_sequence = mark.flushed_sequence;
  now.lost = LostColumns(now, *now.schema, then);
  now.schema = SchemaOf(now.schema, then, history);
  if (now.schema->columns() != then.columns()) now.shown = std::make_shared<const Schema>(then);
  return now;
}

SourceSnapshot OldSegments(const SourceSnapshot& snapshot) {
  SourceSnapshot old = snapshot;
  old.hot.clear();
  std::erase_if(old.segments, [&](const auto& segment) {
    return segment->meta().max_sequence > snapshot.flushed_sequence;
  });
  return old;
}

SourceSnapshot After(const SourceSnapshot& snapshot, std::uint64_t sequence) {
  SourceSnapshot rest = snapshot;
  rest.after_sequence = sequence;
  std::erase_if(rest.segments,
                [&](const auto& segment) { return segment->meta().max_sequence <= sequence; });
  std::vector<HotChunk> hot;
  for (const HotChunk& chunk : rest.hot) {
    const std::int64_t first = RowsUpTo(chunk, sequence);
    const std::int64_t rows = chunk.sequences->length() - first;
    if (rows > 0) hot.push_back(Slice(chunk, first, rows));
  }
  rest.hot = std::move(hot);
  return rest;
}

}  // namespace granary::storage
