#include "granary/services/metadata_catalog/catalog_db.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace granary::catalog {
namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE publishers (tenant TEXT PRIMARY KEY NOT NULL, node TEXT NOT NULL, key BLOB NOT NULL,
  session INTEGER NOT NULL, version TEXT NOT NULL, policy TEXT NOT NULL,
  columns_max INTEGER NOT NULL, since_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE sources (row INTEGER PRIMARY KEY NOT NULL, tenant TEXT NOT NULL, id TEXT NOT NULL,
  uid INTEGER NOT NULL, session INTEGER NOT NULL, number INTEGER NOT NULL, sync INTEGER NOT NULL,
  syncing INTEGER NOT NULL, complete INTEGER NOT NULL, definition BLOB NOT NULL,
  schema_version INTEGER NOT NULL, created_us INTEGER NOT NULL, last_write_us INTEGER,
  flushed_sequence INTEGER NOT NULL, files INTEGER NOT NULL, rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL, deleted_rows INTEGER NOT NULL, snapshot INTEGER NOT NULL,
  deletes_changed INTEGER NOT NULL,
  bounds_version INTEGER NOT NULL, statistics_us INTEGER, merges INTEGER NOT NULL,
  merge_bytes INTEGER NOT NULL, merge_reason TEXT NOT NULL, debt_files INTEGER NOT NULL,
  debt_bytes INTEGER NOT NULL, first_seen_us INTEGER NOT NULL, published_us INTEGER NOT NULL,
  statistics TEXT NOT NULL, bounds TEXT NOT NULL, UNIQUE (tenant, id));
CREATE INDEX sources_to_merge ON sources (tenant, id, merges, statistics_us, first_seen_us)
  WHERE merges > 0;
CREATE TABLE schemas (source INTEGER NOT NULL, version INTEGER NOT NULL, encoded BLOB NOT NULL,
  made_us INTEGER NOT NULL, PRIMARY KEY (source, version)) WITHOUT ROWID;
CREATE TABLE files (source INTEGER NOT NULL, id INTEGER NOT NULL, path TEXT NOT NULL,
  partition TEXT NOT NULL, bytes INTEGER NOT NULL, rows INTEGER NOT NULL,
  deleted_rows INTEGER NOT NULL, min_sequence INTEGER NOT NULL, max_sequence INTEGER NOT NULL,
  generation INTEGER NOT NULL, schema_version INTEGER NOT NULL, created_us INTEGER NOT NULL,
  columns TEXT NOT NULL, seen INTEGER NOT NULL, added INTEGER NOT NULL, removed INTEGER,
  PRIMARY KEY (source, id)) WITHOUT ROWID;
CREATE INDEX files_by_added ON files (source, added);
CREATE INDEX files_by_removed ON files (source, removed) WHERE removed IS NOT NULL;
CREATE TABLE snapshots (source INTEGER NOT NULL, id INTEGER NOT NULL, at_us INTEGER NOT NULL,
  operation TEXT NOT NULL, schema_version INTEGER NOT NULL, flushed_sequence INTEGER NOT NULL,
  files_added INTEGER NOT NULL, rows_added INTEGER NOT NULL, bytes_added INTEGER NOT NULL,
  files_removed INTEGER NOT NULL, rows_removed INTEGER NOT NULL, bytes_removed INTEGER NOT NULL,
  files INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
  deleted_rows INTEGER NOT NULL, PRIMARY KEY (source, id)) WITHOUT ROWID;
CREATE TABLE policies (tenant TEXT NOT NULL, source TEXT NOT NULL, policy TEXT NOT NULL,
  PRIMARY KEY (tenant, source)) WITHOUT ROWID;
CREATE TABLE compactions (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, tenant TEXT NOT NULL,
  source TEXT NOT NULL, asked INTEGER NOT NULL, state TEXT NOT NULL, cause TEXT NOT NULL,
  created_us INTEGER NOT NULL, started_us INTEGER, ended_us INTEGER, job TEXT NOT NULL,
  reason TEXT NOT NULL, failure TEXT NOT NULL, bytes_total INTEGER NOT NULL,
  bytes_done INTEGER NOT NULL, merges INTEGER NOT NULL, files_in INTEGER NOT NULL,
  files_out INTEGER NOT NULL, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,
  rows INTEGER NOT NULL);
CREATE INDEX compactions_open ON compactions (tenant, source) WHERE ended_us IS NULL;
CREATE INDEX compactions_of ON compactions (tenant, source, ended_us);
CREATE TABLE counters (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('policies', 1), ('sessions', 0);
)sql";

Status MakeFile(const std::string& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return Status::IoError(fmt::format("{}: {}", file, std::strerror(errno)));
  ::close(descriptor);
  return Status::Ok();
}

// What an operator can do about a file that cannot be used.
Status Unusable(Code code, const std::string& file, std::string_view why) {
  return {code, fmt::format("{}: {}; move it away and the nodes tell everything again, apart from "
                            "policies and what was compacted",
                            file, why)};
}

// True when there is nothing in the file yet.
Result<bool> IsNew(SqliteDb& db) {
  GRANARY_ASSIGN(const std::int64_t application, db.QueryInteger("PRAGMA application_id"));
  GRANARY_ASSIGN(const std::int64_t format, db.QueryInteger("PRAGMA user_version"));
  GRANARY_ASSIGN(const std::int64_t tables, db.QueryInteger("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && format == 0 && tables == 0) return true;
  if (application != kCatalogApplicationId)
    return Unusable(Code::kConflict, db.path(), "a SQLite file, but not of a Metadata Catalog");
  if (format == kCatalogFormat) return false;
  return Unusable(Code::kConflict, db.path(),
                  fmt::format("it is of format {}, this version reads {}", format, kCatalogFormat));
}

Status MakeTables(SqliteDb& db) {
  GRANARY_TRY(db.Execute("BEGIN IMMEDIATE"));
  GRANARY_TRY(db.Execute(kTables));
  GRANARY_TRY(db.Execute(fmt::format("PRAGMA application_id={}", kCatalogApplicationId).c_str()));
  GRANARY_TRY(db.Execute(fmt::format("PRAGMA user_version={}", kCatalogFormat).c_str()));
  return db.Execute("COMMIT");
}

Result<SqliteDb> OpenIntact(const std::string& file) {
  GRANARY_TRY(MakeFile(file));
  GRANARY_ASSIGN(SqliteDb db, SqliteDb::Open(file, SqliteDb::Access::kReadWrite));
  GRANARY_ASSIGN(const bool is_new, IsNew(db));  // Before anything is changed.
  GRANARY_ASSIGN(const std::string mode, db.QueryText("PRAGMA journal_mode=WAL"));
  if (mode != "wal") return Status::IoError(fmt::format("{}: journal mode is {}", file, mode));
  GRANARY_TRY(db.Execute("PRAGMA synchronous=FULL"));
  if (is_new) GRANARY_TRY(MakeTables(db));
  GRANARY_ASSIGN(const std::string check, db.QueryText("PRAGMA quick_check(1)"));
  if (check != "ok") return Status::Corruption(fmt::format("{}: {}", file, check));
  return db;
}

}  // namespace

Result<std::unique_ptr<CatalogDb>> CatalogDb::Open(const std::string& file) {
  Result<SqliteDb> db = OpenIntact(file);
  if (db.status().code() == Code::kCorruption)
    return Unusable(Code::kCorruption, file, db.status().message());
  if (!db.ok()) return db.status();
  return std::unique_ptr<CatalogDb>(new CatalogDb(db.Take()));
}

Status CatalogDb::End(const Status& outcome) {
  const Status ended = outcome.ok() ? db_.Execute("COMMIT") : outcome;
  if (!ended.ok() && db_.in_transaction()) {
    if (const Status undone = db_.Execute("ROLLBACK"); !undone.ok()) return undone;
  }
  return ended;
}

}  // namespace granary::catalog
