#include "granary/metadata/sqlite_metadata.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace granary::metadata {
namespace {

constexpr const char* kSqliteTables = R"sql(
CREATE TABLE metadata (kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL,
  deleted INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE INDEX metadata_by_version ON metadata (version);
CREATE TABLE newest (one INTEGER PRIMARY KEY NOT NULL, version INTEGER NOT NULL);
INSERT INTO newest VALUES (1, 0);
)sql";

constexpr const char* kNewest = "SELECT version FROM newest";

/// A file that is there is left alone: closing it here would end the locks that this process has on
/// it. Source: https://www.sqlite.org/howtocorrupt.html, 2.2.
Status MakeFile(const std::string& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0 && errno == EEXIST) return Status::Ok();
  if (descriptor < 0) return Status::IoError(fmt::format("{}: {}", file, std::strerror(errno)));
  ::close(descriptor);
  return Status::Ok();
}

// True when there is nothing in the file yet.
Result<bool> IsNew(SqliteDb& db) {
  GRANARY_ASSIGN(const std::int64_t application, db.QueryInteger("PRAGMA application_id"));
  GRANARY_ASSIGN(const std::int64_t format, db.QueryInteger("PRAGMA user_version"));
  GRANARY_ASSIGN(const std::int64_t tables, db.QueryInteger("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && format == 0 && tables == 0) return true;
  if (application == kMetadataApplicationId && format == kMetadataFormat) return false;
  return Status(Code::kConflict,
                fmt::format("{}: a SQLite file, but not of Granary's metadata in format {}",
                            db.path(), kMetadataFormat));
}

Status MakeSqliteTables(SqliteDb& db) {
  GRANARY_TRY(db.Execute(kSqliteTables));
  GRANARY_TRY(db.Execute(fmt::format("PRAGMA application_id={}", kMetadataApplicationId).c_str()));
  return db.Execute(fmt::format("PRAGMA user_version={}", kMetadataFormat).c_str());
}

Status WriteSqliteRow(SqliteDb& db, const Change& change, std::uint64_t version) {
  GRANARY_ASSIGN(SqliteStatement found,
                 db.Prepare("SELECT version, deleted FROM metadata WHERE kind = ? AND key = ?"));
  found.Text(1, change.kind).Text(2, change.key);
  GRANARY_ASSIGN(const bool is_there, found.Step());
  GRANARY_TRY(CheckExpected(change, is_there ? found.unsigned_integer(0) : 0,
                            is_there && found.integer(1) != 0));
  GRANARY_ASSIGN(SqliteStatement write,
                 db.Prepare("INSERT OR REPLACE INTO metadata VALUES (?, ?, ?, ?, ?)"));
  write.Text(1, change.kind).Text(2, change.key).Unsigned(3, version);
  return write.Integer(4, change.body ? 0 : 1).Text(5, change.body ? *change.body : "").Run();
}

}  // namespace

SqliteMetadata::SqliteMetadata(const Options& options)
    : file_(options.file), timeout_ms_(options.timeout_ms), where_("SQLite file " + options.file) {}

Status SqliteMetadata::Connect() {
  // A file that was moved away from under us would take what nobody finds again.
  if (was_open_ && ::access(file_.c_str(), F_OK) != 0) {
    db_.reset();
    return Status::IoError(fmt::format("{}: the file is gone: put it back", file_));
  }
  if (db_) return Status::Ok();
  // One at a time in this process, so that nobody has the file open while it is made. Another
  // process is kept out by whoever owns the folder.
  static std::mutex opening;
  const std::lock_guard lock(opening);
  GRANARY_TRY(MakeFile(file_));
  GRANARY_ASSIGN(SqliteDb db, SqliteDb::Open(file_, SqliteDb::Access::kReadWrite));
  GRANARY_TRY(db.Execute(fmt::format("PRAGMA busy_timeout={}", timeout_ms_).c_str()));
  GRANARY_TRY(IsNew(db).status());  // Before anything is changed.
  GRANARY_ASSIGN(const std::string mode, db.QueryText("PRAGMA journal_mode=WAL"));
  if (mode != "wal") return Status::IoError(fmt::format("{}: journal mode is {}", file_, mode));
  GRANARY_TRY(db.Execute("PRAGMA synchronous=FULL"));
  GRANARY_TRY(db.Execute("BEGIN IMMEDIATE"));
  GRANARY_ASSIGN(const bool is_new, IsNew(db));
  if (is_new) GRANARY_TRY(MakeSqliteTables(db));
  GRANARY_TRY(db.Execute("COMMIT"));
  db_ = std::move(db);
  was_open_ = true;
  return Status::Ok();
}

Status SqliteMetadata::Failed(const Status& failure) {
  // A file that others keep busy: nobody was first, nothing was compared yet.
  if (failure.code() == Code::kConflict)
    return {Code::kUnavailable, std::string(failure.message())};
  if (failure.code() == Code::kDiskFull || failure.code() == Code::kCorruption) {
    db_.reset();
    return failure;
  }
  if (failure.code() != Code::kIoError && failure.code() != Code::kPermissionDenied &&
      failure.code() != Code::kInternal)
    return failure;
  db_.reset();
  return {Code::kUnavailable, std::string(failure.message())};
}

Result<std::uint64_t> SqliteMetadata::CommitIn(SqliteDb& db, const std::vector<Change>& changes,
                                               std::optional<std::uint64_t> seen) {
  const auto write = [&]() -> Result<std::uint64_t> {
    GRANARY_ASSIGN(const std::int64_t newest, db.QueryInteger(kNewest));
    const auto version = static_cast<std::uint64_t>(newest) + 1;
    GRANARY_TRY(CheckNewest(seen, version - 1));
    for (const Change& change : changes) GRANARY_TRY(WriteSqliteRow(db, change, version));
    GRANARY_TRY(db.Execute(fmt::format("UPDATE newest SET version = {}", version).c_str()));
    GRANARY_TRY(db.Execute("COMMIT"));
    return version;
  };
  Result<std::uint64_t> version = write();
  if (!version.ok() && db.in_transaction()) {
    if (const Status undone = db.Execute("ROLLBACK"); !undone.ok()) return undone;
  }
  return version;
}

Result<std::uint64_t> SqliteMetadata::Commit(const std::vector<Change>& changes,
                                             std::optional<std::uint64_t> seen) {
  GRANARY_TRY(CheckChanges(changes));
  const std::lock_guard lock(mutex_);
  if (const Status connected = Connect(); !connected.ok()) return Failed(connected);
  if (const Status begun = db_->Execute("BEGIN IMMEDIATE"); !begun.ok()) return Failed(begun);
  Result<std::uint64_t> version = CommitIn(*db_, changes, seen);
  // Whoever writes is alone, so a conflict is one of versions.
  if (version.ok() || version.status().code() == Code::kConflict) return version;
  return Failed(version.status());
}

Result<ChangeSet> SqliteMetadata::Changes(std::uint64_t after) {
  const std::lock_guard lock(mutex_);
  if (const Status connected = Connect(); !connected.ok()) return Failed(connected);
  const auto read = [&](SqliteDb& db) -> Result<ChangeSet> {
    GRANARY_ASSIGN(const std::int64_t newest, db.QueryInteger(kNewest));
    GRANARY_TRY(CheckNotOlder(after, static_cast<std::uint64_t>(newest)));
    ChangeSet out;
    // One statement is one snapshot: a row of a commit is seen with all others of it.
    GRANARY_ASSIGN(SqliteStatement rows,
                   db.Prepare("SELECT kind, key, version, deleted, body FROM metadata WHERE "
                              "version > ? ORDER BY version, kind, key"));
    rows.Unsigned(1, after);
    for (;;) {
      GRANARY_ASSIGN(const bool row, rows.Step());
      if (!row) break;
      out.rows.push_back({std::string(rows.bytes(0)), std::string(rows.bytes(1)),
                          rows.unsigned_integer(2), rows.integer(3) != 0,
                          std::string(rows.bytes(4))});
    }
    out.version = out.rows.empty() ? after : out.rows.back().version;
    return out;
  };
  Result<ChangeSet> found = read(*db_);
  return found.ok() ? found : Result<ChangeSet>(Failed(found.status()));
}

}  // namespace granary::metadata
