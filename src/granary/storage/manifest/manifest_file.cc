#include "granary/storage/manifest/manifest_file.h"

#include <fmt/format.h>

#include <vector>

#include "granary/storage/manifest/delete_rows.h"
#include "granary/storage/manifest/key_rows.h"
#include "granary/storage/manifest/manifest_rows.h"

namespace granary::storage {
namespace {

Status CreateTables(SqliteDb& db) {
  GRANARY_ASSIGN(const std::int64_t random, db.QueryInteger("SELECT random()"));
  RootRow root;
  root.uid_base = static_cast<std::uint64_t>(random) & 0xffff'ffff;
  GRANARY_TRY(db.Execute("BEGIN IMMEDIATE"));
  GRANARY_TRY(db.Execute(kManifestTables));
  GRANARY_TRY(db.Execute(kKeyTables));
  GRANARY_TRY(db.Execute(kDeleteTables));
  GRANARY_TRY(db.Execute(fmt::format("PRAGMA application_id={}", kManifestApplicationId).c_str()));
  GRANARY_TRY(db.Execute(fmt::format("PRAGMA user_version={}", kManifestFormat).c_str()));
  GRANARY_TRY(root.Write(db));
  return db.Execute("COMMIT");
}

Result<std::vector<std::uint64_t>> SourcesIn(SqliteDb& db) {
  std::vector<std::uint64_t> sources;
  GRANARY_ASSIGN(SqliteStatement cursor, db.Prepare("SELECT uid FROM sources"));
  for (;;) {
    GRANARY_ASSIGN(const bool more, cursor.Step());
    if (!more) return sources;
    sources.push_back(cursor.unsigned_integer(0));
  }
}

// What format 3 has more than format 2.
Status AddKeyTables(SqliteDb& db) {
  GRANARY_TRY(db.Execute(kKeyTables));
  GRANARY_ASSIGN(const auto sources, SourcesIn(db));
  for (const std::uint64_t source : sources) GRANARY_TRY(KeyCountRow({source, {}}).Write(db));
  return Status::Ok();
}

// What format 6 has more than format 5.
Status AddDeleteTables(SqliteDb& db) {
  GRANARY_TRY(db.Execute(kDeleteTables));
  GRANARY_ASSIGN(const auto sources, SourcesIn(db));
  for (const std::uint64_t source : sources) GRANARY_TRY(HistoryRow{.source = source}.Write(db));
  return Status::Ok();
}

// Each format adds to the one before. One transaction, so that a crash leaves the old one or the
// new.
Status Upgrade(SqliteDb& db, std::int64_t format) {
  GRANARY_TRY(db.Execute("BEGIN IMMEDIATE"));
  if (format < 2) GRANARY_TRY(db.Execute(kManifestUpgrade));
  if (format < 3) GRANARY_TRY(AddKeyTables(db));
  if (format < 4) GRANARY_TRY(db.Execute(kLineageUpgrade));
  // Format 5 has statistics that older programs cannot read; those of before stay as they are.
  if (format < 6) GRANARY_TRY(AddDeleteTables(db));
  GRANARY_TRY(db.Execute(fmt::format("PRAGMA user_version={}", kManifestFormat).c_str()));
  return db.Execute("COMMIT");
}

/// The format, 0 for a file without anything in it; kConflict when what is in it is not ours to
/// touch.
Result<std::int64_t> CheckFormat(SqliteDb& db) {
  GRANARY_ASSIGN(const std::int64_t application, db.QueryInteger("PRAGMA application_id"));
  GRANARY_ASSIGN(const std::int64_t format, db.QueryInteger("PRAGMA user_version"));
  GRANARY_ASSIGN(const std::int64_t tables, db.QueryInteger("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && format == 0 && tables == 0) return std::int64_t{0};
  if (application != kManifestApplicationId) {
    return Status(Code::kConflict,
                  fmt::format("{}: a SQLite file, but not a Granary manifest", db.path()));
  }
  if (format >= 1 && format <= kManifestFormat) return format;
  return Status(Code::kConflict, fmt::format("{}: manifest format {}, this program knows 1 to {}",
                                             db.path(), format, kManifestFormat));
}

Status Configure(SqliteDb& db) {
  GRANARY_ASSIGN(const std::string mode, db.QueryText("PRAGMA journal_mode=WAL"));
  if (mode != "wal")
    return Status::IoError(fmt::format("{}: journal mode is {}, not wal", db.path(), mode));
  return db.Execute("PRAGMA synchronous=FULL");
}

Status CheckPages(SqliteDb& db) {
  GRANARY_ASSIGN(const std::string found, db.QueryText("PRAGMA quick_check(1)"));
  return found == "ok" ? Status::Ok() : Status::Corruption(fmt::format("{}: {}", db.path(), found));
}

}  // namespace

Result<SqliteDb> OpenManifestFile(const std::string& path) {
  GRANARY_ASSIGN(SqliteDb db, SqliteDb::Open(path, SqliteDb::Access::kReadWrite));
  // Keeps the lock for as long as the file is open, and needs no shared-memory file beside it: if
  // it is said before anything is read.
  GRANARY_TRY(db.Execute("PRAGMA locking_mode=EXCLUSIVE"));
  GRANARY_ASSIGN(const std::int64_t format, CheckFormat(db));
  GRANARY_TRY(Configure(db));
  if (format == 0) GRANARY_TRY(CreateTables(db));
  GRANARY_TRY(CheckPages(db));
  if (format > 0 && format < kManifestFormat) GRANARY_TRY(Upgrade(db, format));
  GRANARY_TRY(db.Checkpoint());
  return db;
}

}  // namespace granary::storage
