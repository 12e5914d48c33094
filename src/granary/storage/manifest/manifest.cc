#include "granary/storage/manifest/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>

#include "granary/base/check.h"
#include "granary/storage/manifest/manifest_rows.h"
#include "granary/storage/manifest/sqlite_db.h"

namespace granary::storage {
namespace {

constexpr std::uint64_t kSegmentIdBlock = 256;  // Ids taken from the file at once; a commit each.
constexpr int kUidCounterBits = 31;             // uid = base (32 bits) | counter: 63 bits in all.
constexpr std::uint64_t kUidCounterMask = (std::uint64_t{1} << kUidCounterBits) - 1;

Status CreateTables(SqliteDb& db) {
  GRANARY_ASSIGN(const std::int64_t random, db.QueryInteger("SELECT random()"));
  RootRow root;
  root.uid_base = static_cast<std::uint64_t>(random) & 0xffff'ffff;
  GRANARY_TRY(db.Execute("BEGIN IMMEDIATE"));
  GRANARY_TRY(db.Execute(kManifestTables));
  GRANARY_TRY(db.Execute(fmt::format("PRAGMA application_id={}", kManifestApplicationId).c_str()));
  GRANARY_TRY(db.Execute(fmt::format("PRAGMA user_version={}", kManifestFormat).c_str()));
  GRANARY_TRY(root.Write(db));
  return db.Execute("COMMIT");
}

// True for a file without anything in it; kConflict when what is in it is not ours to touch.
Result<bool> CheckFormat(SqliteDb& db) {
  GRANARY_ASSIGN(const std::int64_t application, db.QueryInteger("PRAGMA application_id"));
  GRANARY_ASSIGN(const std::int64_t format, db.QueryInteger("PRAGMA user_version"));
  GRANARY_ASSIGN(const std::int64_t tables, db.QueryInteger("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && format == 0 && tables == 0) return true;
  if (application != kManifestApplicationId) {
    return Status(Code::kConflict,
                  fmt::format("{}: a SQLite file, but not a Granary manifest", db.path()));
  }
  if (format == kManifestFormat) return false;
  return Status(Code::kConflict, fmt::format("{}: manifest format {}, this program knows {}",
                                             db.path(), format, kManifestFormat));
}

// EXCLUSIVE keeps the lock for as long as the file is open, and needs no shared-memory file beside
// it.
Status Configure(SqliteDb& db) {
  GRANARY_TRY(db.Execute("PRAGMA locking_mode=EXCLUSIVE"));
  GRANARY_ASSIGN(const std::string mode, db.QueryText("PRAGMA journal_mode=WAL"));
  if (mode != "wal")
    return Status::IoError(fmt::format("{}: journal mode is {}, not wal", db.path(), mode));
  return db.Execute("PRAGMA synchronous=FULL");
}

Status CheckPages(SqliteDb& db) {
  GRANARY_ASSIGN(const std::string found, db.QueryText("PRAGMA quick_check(1)"));
  return found == "ok" ? Status::Ok() : Status::Corruption(fmt::format("{}: {}", db.path(), found));
}

Status CheckDigest(const std::string& file, std::string_view what, const RowDigest& expected,
                   const RowDigest& found) {
  if (expected == found) return Status::Ok();
  return Status::Corruption(fmt::format("{}: {}: {} rows with sum {:x}, expected {} with {:x}",
                                        file, what, found.count, found.sum, expected.count,
                                        expected.sum));
}

// What a transaction changes in the small tables. Nothing in a map means that the row goes.
struct Change {
  RootRow root;
  std::map<std::uint64_t, std::optional<SourceRow>> sources;
  std::map<std::uint64_t, std::optional<DroppedRow>> dropped;
};

Status DeleteRows(SqliteDb& db, const char* sql, std::uint64_t uid) {
  GRANARY_ASSIGN(SqliteStatement statement, db.Prepare(sql));
  return statement.Unsigned(1, uid).Run();
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

// The root, the source rows and the dropped folders are few and small; they stay in memory, so that
// a commit writes what it knows and never what it just read.
struct Manifest::State {
  State(SqliteDb database, io::Failpoints& points) : db(std::move(database)), failpoints(points) {}

  mutable std::mutex mutex;
  SqliteDb db;
  io::Failpoints& failpoints;
  Status closed_by;
  RootRow root;
  std::map<std::uint64_t, SourceRow> sources;
  std::map<std::uint64_t, DroppedRow> dropped;
  std::uint64_t spare_segment = 0;  // Ids from here to root.next_segment are ours to give.

  Status ReadSmallTables();
  Status ReadSchemas(std::map<std::uint64_t, SourceRecord>& records);
  Status ReadSegments(std::map<std::uint64_t, SourceRecord>& records);

  /// Runs `body` in a transaction together with what it puts into the change.
  Status Commit(const std::function<Status(Change&)>& body);
  Result<SourceRow> Find(SourceUid source) const;

 private:
  Status WriteChange(Change& change);
  Status Rollback(const Status& cause);
  void Apply(Change& change);
};

Status Manifest::State::ReadSmallTables() {
  GRANARY_ASSIGN(root, RootRow::Read(db));
  GRANARY_TRY(ReadAll(db, kSelectSources, "table sources", root.sources, ReadSourceRow, sources));
  GRANARY_TRY(ReadAll(db, kSelectDropped, "table dropped", root.dropped, ReadDroppedRow, dropped));
  spare_segment = root.next_segment;
  return Status::Ok();
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
    Result<Schema> schema = Schema::Decode(row.schema);
    if (!schema.ok())
      return Status::Corruption(std::string(schema.status().message())).At(db.path());
    record->second.schemas.push_back(std::make_shared<const Schema>(schema.Take()));
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
    record->second.segments.push_back(std::move(row.meta));
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

Status Manifest::State::Commit(const std::function<Status(Change&)>& body) {
  GRANARY_TRY(closed_by);
  Change change{.root = root, .sources = {}, .dropped = {}};
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

Status Manifest::State::WriteChange(Change& change) {
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
  return change.root.Write(db);
}

Status Manifest::State::Rollback(const Status& cause) {
  if (!db.in_transaction()) return cause;
  if (const Status s = db.Execute("ROLLBACK"); !s.ok() && closed_by.ok()) {
    closed_by = s.At("the manifest takes no more commits until a restart");
  }
  return cause;
}

void Manifest::State::Apply(Change& change) {
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
}

Manifest::Manifest(std::unique_ptr<State> state) : state_(std::move(state)) {}
Manifest::~Manifest() = default;

Result<std::unique_ptr<Manifest>> Manifest::Open(const std::string& path,
                                                 io::Failpoints& failpoints) {
  GRANARY_ASSIGN(SqliteDb db, SqliteDb::Open(path, SqliteDb::Access::kReadWrite));
  GRANARY_ASSIGN(const bool is_new, CheckFormat(db));
  GRANARY_TRY(Configure(db));
  if (is_new) GRANARY_TRY(CreateTables(db));
  GRANARY_TRY(CheckPages(db));
  GRANARY_TRY(db.Checkpoint());
  auto state = std::make_unique<State>(std::move(db), failpoints);
  GRANARY_TRY(state->ReadSmallTables());
  return std::unique_ptr<Manifest>(new Manifest(std::move(state)));
}

Result<std::vector<SourceRecord>> Manifest::Load() {
  const std::lock_guard lock(state_->mutex);
  std::map<std::uint64_t, SourceRecord> by_uid;
  for (const auto& [uid, row] : state_->sources) {
    GRANARY_ASSIGN(SourceDefinition definition, SourceDefinition::Decode(row.definition));
    SourceRecord& record = by_uid[uid];
    record.uid = SourceUid{uid};
    record.definition = std::move(definition);
    record.folder = row.folder;
    record.wal_lane = row.wal_lane;
    record.flushed_sequence = row.flushed_sequence;
    record.created_us = row.created_us;
    record.last_write_us = row.last_write_us;
  }
  GRANARY_TRY(state_->ReadSchemas(by_uid));
  GRANARY_TRY(state_->ReadSegments(by_uid));

  std::vector<SourceRecord> records;
  for (auto& [uid, record] : by_uid) records.push_back(std::move(record));
  std::sort(records.begin(), records.end(), [](const SourceRecord& a, const SourceRecord& b) {
    return a.definition.id < b.definition.id;
  });
  return records;
}

Result<SourceUid> Manifest::AddSource(const SourceDefinition& definition, const std::string& folder,
                                      const Schema& schema, std::int64_t created_us,
                                      std::uint32_t wal_lane) {
  const std::lock_guard lock(state_->mutex);
  for (const auto& [uid, row] : state_->sources) {
    if (row.id == definition.id.str()) {
      return Status(Code::kSourceConflict, fmt::format("source \"{}\" is there already", row.id));
    }
  }
  if (state_->root.next_source > kUidCounterMask) return Status::Internal("no source uid is left");
  const SourceUid uid{state_->root.uid_base << kUidCounterBits | state_->root.next_source};
  GRANARY_TRY(state_->Commit([&](Change& change) {
    ++change.root.next_source;
    SourceRow row{.uid = uid.value,
                  .id = definition.id.str(),
                  .folder = folder,
                  .definition = {},
                  .wal_lane = wal_lane,
                  .flushed_sequence = 0,
                  .created_us = created_us,
                  .last_write_us = std::nullopt,
                  .schemas = {},
                  .segments = {}};
    definition.EncodeTo(row.definition);
    SchemaRow first{.source = uid.value, .version = schema.version(), .schema = {}};
    schema.EncodeTo(first.schema);
    row.schemas.Add(first.Crc());
    change.sources[uid.value] = std::move(row);
    return first.Write(state_->db);
  }));
  return uid;
}

Status Manifest::DropSource(SourceUid source, DropFiles files) {
  const std::lock_guard lock(state_->mutex);
  GRANARY_ASSIGN(const SourceRow row, state_->Find(source));
  return state_->Commit([&](Change& change) {
    GRANARY_TRY(DeleteRows(state_->db, "DELETE FROM segments WHERE source = ?", source.value));
    GRANARY_TRY(DeleteRows(state_->db, "DELETE FROM schemas WHERE source = ?", source.value));
    change.sources[source.value] = std::nullopt;
    if (files == DropFiles::kRemove)
      change.dropped[source.value] = DroppedRow{source.value, row.id, row.folder};
    return Status::Ok();
  });
}

std::vector<DroppedFolder> Manifest::dropped() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<DroppedFolder> folders;
  for (const auto& [uid, row] : state_->dropped)
    folders.push_back({SourceUid{uid}, row.id, row.folder});
  return folders;
}

Status Manifest::ForgetDropped(SourceUid source) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->dropped.contains(source.value)) return Status::Ok();
  return state_->Commit([&](Change& change) {
    change.dropped[source.value] = std::nullopt;
    return Status::Ok();
  });
}

Status Manifest::CommitSchema(SourceUid source, const Schema& schema) {
  const std::lock_guard lock(state_->mutex);
  GRANARY_ASSIGN(SourceRow row, state_->Find(source));
  return state_->Commit([&](Change& change) {
    SchemaRow next{.source = source.value, .version = schema.version(), .schema = {}};
    schema.EncodeTo(next.schema);
    row.schemas.Add(next.Crc());
    change.sources[source.value] = row;
    return next.Write(state_->db);
  });
}

Status Manifest::CommitFlush(const FlushCommit& flush) {
  const std::lock_guard lock(state_->mutex);
  GRANARY_ASSIGN(SourceRow row, state_->Find(flush.source));
  GRANARY_CHECK(flush.flushed_sequence >= row.flushed_sequence, "{} < {}", flush.flushed_sequence,
                row.flushed_sequence);
  return state_->Commit([&](Change& change) {
    for (const SegmentMeta& meta : flush.added) {
      const SegmentRow segment = SegmentRow::Of(flush.source.value, meta);
      GRANARY_TRY(segment.Write(state_->db));
      row.segments.Add(segment.Crc());
    }
    row.flushed_sequence = flush.flushed_sequence;
    row.last_write_us = flush.last_write_us;
    change.sources[flush.source.value] = row;
    return Status::Ok();
  });
}

Result<SegmentId> Manifest::AllocateSegmentIds(std::uint32_t count) {
  const std::lock_guard lock(state_->mutex);
  const std::uint64_t spare = state_->root.next_segment - state_->spare_segment;
  if (spare < count) {
    const std::uint64_t missing = std::max<std::uint64_t>(count - spare, kSegmentIdBlock);
    GRANARY_TRY(state_->Commit([&](Change& change) {
      change.root.next_segment += missing;
      return Status::Ok();
    }));
  }
  const SegmentId first{state_->spare_segment};
  state_->spare_segment += count;
  return first;
}

bool Manifest::Issued(SourceUid source) const {
  const std::lock_guard lock(state_->mutex);
  return source.value >> kUidCounterBits == state_->root.uid_base &&
         (source.value & kUidCounterMask) < state_->root.next_source;
}

Status Manifest::closed_by() const {
  const std::lock_guard lock(state_->mutex);
  return state_->closed_by;
}

std::uint64_t Manifest::version() const {
  const std::lock_guard lock(state_->mutex);
  return state_->root.version;
}

Status Manifest::Close() {
  const std::lock_guard lock(state_->mutex);
  if (state_->closed_by.ok()) state_->closed_by = {Code::kUnavailable, "the manifest was closed"};
  return state_->db.Close();
}

}  // namespace granary::storage
