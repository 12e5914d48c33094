#include "granary/storage/manifest/manifest_state.h"

#include <fmt/format.h>

namespace granary::storage {
namespace {

Status CheckDigest(const std::string& file, std::string_view what, const RowDigest& expected,
                   const RowDigest& found) {
  if (expected == found) return Status::Ok();
  return Status::Corruption(fmt::format("{}: {}: {} rows with sum {:x}, expected {} with {:x}",
                                        file, what, found.count, found.sum, expected.count,
                                        expected.sum));
}

// Reads every row of a small table into a map by uid, and checks that none is missing.
template <typename Row, typename ReadRow>
Status ReadAll(SqliteDb& db, const char* sql, std::string_view table, const RowDigest& expected,
               ReadRow read, std::map<std::uint64_t, Row>& rows) {
  RowDigest found;
  GRANARY_ASSIGN(SqliteStatement cursor, db.Prepare(sql));
  for (;;) {
    GRANARY_ASSIGN(const bool more, cursor.Step());
    if (!more) break;
    GRANARY_ASSIGN(Row row, read(cursor, db.path()));
    found.Add(row.Crc());
    rows.emplace(row.uid, std::move(row));
  }
  return CheckDigest(db.path(), table, expected, found);
}

}  // namespace

Status DeleteRows(SqliteDb& db, const char* sql, std::uint64_t uid) {
  GRANARY_ASSIGN(SqliteStatement statement, db.Prepare(sql));
  return statement.Unsigned(1, uid).Run();
}

Status Manifest::State::ReadSmallTables() {
  GRANARY_ASSIGN(root, RootRow::Read(db));
  GRANARY_TRY(ReadAll(db, kSelectSources, "table sources", root.sources, ReadSourceRow, sources));
  GRANARY_TRY(ReadAll(db, kSelectDropped, "table dropped", root.dropped, ReadDroppedRow, dropped));
  spare_segment = root.next_segment;
  GRANARY_TRY(ReadKeyTables());
  return ReadHistories();
}

Status Manifest::State::ReadSchemas(std::map<std::uint64_t, SourceRecord>& records) {
  std::map<std::uint64_t, RowDigest> found;
  GRANARY_ASSIGN(SqliteStatement cursor, db.Prepare(kSelectSchemas));
  for (;;) {
    GRANARY_ASSIGN(const bool more, cursor.Step());
    if (!more) break;
    GRANARY_ASSIGN(const SchemaRow row, ReadSchemaRow(cursor, db.path()));
    const auto record = records.find(row.source);
    if (record == records.end()) {
      return Status::Corruption(
          fmt::format("{}: table schemas: no source {}", db.path(), row.source));
    }
    std::int64_t made_us = 0;
    Result<Schema> schema = row.DecodeSchema(made_us);
    if (!schema.ok())
      return Status::Corruption(std::string(schema.status().message())).At(db.path());
    record->second.schemas.push_back({std::make_shared<const Schema>(schema.Take()), made_us});
    found[row.source].Add(row.Crc());
  }
  for (const auto& [uid, source] : sources) {
    const std::string what = fmt::format("schemas of source {}", source.id);
    GRANARY_TRY(CheckDigest(db.path(), what, source.schemas, found[uid]));
  }
  return Status::Ok();
}

Status Manifest::State::ReadSegments(std::map<std::uint64_t, SourceRecord>& records) {
  std::map<std::uint64_t, RowDigest> found;
  GRANARY_ASSIGN(SqliteStatement cursor, db.Prepare(kSelectSegments));
  for (;;) {
    GRANARY_ASSIGN(const bool more, cursor.Step());
    if (!more) break;
    GRANARY_ASSIGN(SegmentRow row, ReadSegmentRow(cursor, db.path()));
    const auto record = records.find(row.source);
    if (record == records.end()) {
      return Status::Corruption(
          fmt::format("{}: table segments: no source {}", db.path(), row.source));
    }
    found[row.source].Add(row.Crc());
    SourceRecord& source = record->second;
    (row.meta.retired_generation == 0 ? source.segments : source.retired)
        .push_back(std::move(row.meta));
  }
  for (const auto& [uid, source] : sources) {
    const std::string what = fmt::format("segments of source {}", source.id);
    GRANARY_TRY(CheckDigest(db.path(), what, source.segments, found[uid]));
  }
  return Status::Ok();
}

Result<SourceRow> Manifest::State::Find(SourceUid source) const {
  const auto found = sources.find(source.value);
  if (found != sources.end()) return found->second;
  return Status(Code::kSourceNotFound,
                fmt::format("{}: no source with uid {}", db.path(), source.value));
}

Status Manifest::State::Commit(const std::function<Status(ManifestChange&)>& body) {
  GRANARY_TRY(closed_by);
  ManifestChange change{.root = root, .sources = {}, .dropped = {}, .keys = {}, .histories = {}};
  ++change.root.version;
  GRANARY_TRY(db.Execute("BEGIN IMMEDIATE"));
  if (Status s = body(change); !s.ok()) return Rollback(s);
  if (Status s = WriteChange(change); !s.ok()) return Rollback(s);
  if (Status s = failpoints.Hit("manifest.before_commit"); !s.ok()) return Rollback(s);
  if (Status s = db.Execute("COMMIT"); !s.ok()) {
    // A full disk refuses a page before the commit mark is written. Anything else may have come
    // after it, and then only the next start can tell.
    if (s.code() != Code::kDiskFull)
      closed_by = s.At("the manifest takes no more commits until a restart");
    return Rollback(s);
  }
  if (Status s = failpoints.Hit("manifest.after_commit"); !s.ok()) {
    closed_by = s.At("the manifest takes no more commits until a restart");
    return s;
  }
  Apply(change);
  // The commit is safe already. A log that is emptied at once leaves no bytes whose damage SQLite
  // would take for the end of the log. What fails here is done by the next checkpoint.
  (void)db.Checkpoint();
  return Status::Ok();
}

Status Manifest::State::WriteChange(ManifestChange& change) {
  for (const auto& [uid, row] : change.sources) {
    if (const auto old = sources.find(uid); old != sources.end())
      change.root.sources.Remove(old->second.Crc());
    if (!row.has_value()) {
      GRANARY_TRY(DeleteRows(db, "DELETE FROM sources WHERE uid = ?", uid));
      continue;
    }
    GRANARY_TRY(row->Write(db));
    change.root.sources.Add(row->Crc());
  }
  for (const auto& [uid, row] : change.dropped) {
    if (const auto old = dropped.find(uid); old != dropped.end())
      change.root.dropped.Remove(old->second.Crc());
    if (!row.has_value()) {
      GRANARY_TRY(DeleteRows(db, "DELETE FROM dropped WHERE uid = ?", uid));
      continue;
    }
    GRANARY_TRY(row->Write(db));
    change.root.dropped.Add(row->Crc());
  }
  GRANARY_TRY(WriteKeyCounts(change));
  GRANARY_TRY(WriteHistories(change));
  return change.root.Write(db);
}

Status Manifest::State::Rollback(const Status& cause) {
  if (!db.in_transaction()) return cause;
  if (const Status s = db.Execute("ROLLBACK"); !s.ok() && closed_by.ok()) {
    closed_by = s.At("the manifest takes no more commits until a restart");
  }
  return cause;
}

void Manifest::State::Apply(ManifestChange& change) {
  root = change.root;
  for (auto& [uid, row] : change.sources) {
    if (row.has_value())
      sources.insert_or_assign(uid, std::move(*row));
    else
      sources.erase(uid);
  }
  for (auto& [uid, row] : change.dropped) {
    if (row.has_value())
      dropped.insert_or_assign(uid, std::move(*row));
    else
      dropped.erase(uid);
  }
  for (const auto& [uid, digest] : change.keys) {
    if (digest.has_value())
      keys[uid] = *digest;
    else
      keys.erase(uid);
  }
  for (const auto& [uid, row] : change.histories) {
    if (row.has_value())
      histories[uid] = *row;
    else
      histories.erase(uid);
  }
}

}  // namespace granary::storage
