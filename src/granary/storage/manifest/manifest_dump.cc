// What people see of a manifest: whatever can still be read, each damaged row named in its place.
#include <fmt/format.h>

#include <functional>

#include "granary/sqlite/sqlite_db.h"
#include "granary/storage/manifest/delete_rows.h"
#include "granary/storage/manifest/key_rows.h"
#include "granary/storage/manifest/manifest.h"
#include "granary/storage/manifest/manifest_rows.h"

namespace granary::storage {
namespace {

using RowPrinter = std::function<Status(const SqliteStatement& row)>;

// Goes on behind a damaged row, and ends a table where SQLite itself can read no further.
void PrintTable(SqliteDb& db, const char* sql, std::string& out, const RowPrinter& print) {
  Result<SqliteStatement> cursor = db.Prepare(sql);
  if (!cursor.ok()) {
    out += fmt::format("  ! {}\n", cursor.status().ToString());
    return;
  }
  for (;;) {
    const Result<bool> more = cursor->Step();
    if (!more.ok()) out += fmt::format("  ! {}\n", more.status().ToString());
    if (!more.ok() || !*more) return;
    if (const Status s = print(*cursor); !s.ok()) out += fmt::format("  ! {}\n", s.ToString());
  }
}

void PrintRoot(SqliteDb& db, std::string& out) {
  const Result<RootRow> root = RootRow::Read(db);
  if (!root.ok()) {
    out += fmt::format("root\n  ! {}\n", root.status().ToString());
    return;
  }
  out += fmt::format("version {}  sources {}  next segment {}  folders to remove {}\n",
                     root->version, root->sources.count, root->next_segment, root->dropped.count);
}

Status PrintSource(const SqliteStatement& row, const std::string& file, std::string& out) {
  GRANARY_ASSIGN(const SourceRow source, ReadSourceRow(row, file));
  out += fmt::format("  {}  uid {}  folder {}  lane {}  flushed to {}  schemas {}  segments {}\n",
                     source.id, source.uid, source.folder, source.wal_lane, source.flushed_sequence,
                     source.schemas.count, source.segments.count);
  return Status::Ok();
}

Status PrintSchema(const SqliteStatement& row, const std::string& file, std::string& out) {
  GRANARY_ASSIGN(const SchemaRow encoded, ReadSchemaRow(row, file));
  std::int64_t made_us = 0;
  GRANARY_ASSIGN(const Schema schema, encoded.DecodeSchema(made_us));
  out += fmt::format("  uid {} version {}:", encoded.source, encoded.version);
  for (const Column& column : schema.columns()) {
    out += fmt::format(" {}={}:{}", column.id, column.name, column.type.ToString());
  }
  out += '\n';
  return Status::Ok();
}

Status PrintSegment(const SqliteStatement& row, const std::string& file, std::string& out) {
  GRANARY_ASSIGN(const SegmentRow segment, ReadSegmentRow(row, file));
  const SegmentMeta& meta = segment.meta;
  out += fmt::format("  {}  uid {}  {}  rows {}  bytes {}  sequences {}-{}  schema {}\n",
                     meta.id.value, segment.source, meta.path, meta.rows, meta.bytes,
                     meta.min_sequence, meta.max_sequence, meta.schema_version);
  if (meta.generation != 0) out += fmt::format("    made by compaction {}\n", meta.generation);
  if (meta.retired_generation != 0) {
    out += fmt::format("    replaced by compaction {} at {}\n", meta.retired_generation,
                       meta.retired_us);
  }
  for (const IndexMeta& index : meta.indexes) {
    out += fmt::format("    {}  bytes {}\n", IndexPath(meta.path, index.key), index.bytes);
  }
  return Status::Ok();
}

Status PrintDelete(const SqliteStatement& row, const std::string& file, std::string& out) {
  GRANARY_ASSIGN(const DeleteRow deleted, ReadDeleteRow(row, file));
  GRANARY_ASSIGN(const DeletionPtr deletion, deleted.Decode(UINT64_MAX));
  out +=
      fmt::format("  segment {}  uid {}  rows {}  moments {}-{}  at {}  bytes {}\n",
                  deleted.segment, deleted.source, deletion->rows.count(), deleted.first_sequence,
                  deleted.last_sequence, deleted.at_us, deleted.rows.size());
  return Status::Ok();
}

Status PrintHistory(const SqliteStatement& row, const std::string& file, std::string& out) {
  GRANARY_ASSIGN(const HistoryRow history, ReadHistoryRow(row, file));
  out += fmt::format(
      "  uid {}  deletes {}  last at {}  forgotten before compaction {} and moment {}\n",
      history.source, history.deletes.count, history.delete_sequence, history.forgotten_generation,
      history.forgotten_sequence);
  return Status::Ok();
}

Status PrintDropped(const SqliteStatement& row, const std::string& file, std::string& out) {
  GRANARY_ASSIGN(const DroppedRow dropped, ReadDroppedRow(row, file));
  out += fmt::format("  {}  uid {}  folder {}\n", dropped.id, dropped.uid, dropped.folder);
  return Status::Ok();
}

Status PrintKey(const SqliteStatement& row, const std::string& file, std::string& out) {
  GRANARY_ASSIGN(const KeyRow key, ReadKeyRow(row, file));
  const KeyRecord& record = key.record;
  out += fmt::format("  {}  uid {}  body {:016x}{:016x}  first {}  records {}  written {}\n",
                     record.key, key.source, record.body.high, record.body.low,
                     record.first_sequence, record.records, record.written_us);
  return Status::Ok();
}

}  // namespace

Status DumpManifest(const std::string& path, std::string& out) {
  GRANARY_ASSIGN(SqliteDb db, SqliteDb::Open(path, SqliteDb::Access::kDump));
  const auto print = [&](const char* title, const char* sql, auto row) {
    out += fmt::format("{}\n", title);
    PrintTable(db, sql, out, [&](const SqliteStatement& cursor) { return row(cursor, path, out); });
  };
  PrintRoot(db, out);
  print("sources", kSelectSources, PrintSource);
  print("schemas", kSelectSchemas, PrintSchema);
  print("segments", kSelectSegments, PrintSegment);
  print("deletes", kSelectDeletes, PrintDelete);
  print("histories", kSelectHistories, PrintHistory);
  print("dropped", kSelectDropped, PrintDropped);
  print("idempotency keys", kSelectKeys, PrintKey);
  return Status::Ok();
}

}  // namespace granary::storage
