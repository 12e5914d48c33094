#include "granary/metadata/postgres_metadata.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace granary::metadata {
namespace {

constexpr std::int64_t kPostgresPort = 5432;

// One statement each: two Operation Nodes may start at once, and CREATE … IF NOT EXISTS is no lock.
constexpr const char* kPostgresTables[] = {
    "CREATE TABLE IF NOT EXISTS granary_metadata (kind text NOT NULL, key text NOT NULL, "
    "version bigint NOT NULL, deleted boolean NOT NULL, body text NOT NULL, "
    "PRIMARY KEY (kind, key))",
    "CREATE INDEX IF NOT EXISTS granary_metadata_by_version ON granary_metadata (version)",
    "CREATE TABLE IF NOT EXISTS granary_newest (one integer PRIMARY KEY, version bigint NOT NULL, "
    "format integer NOT NULL)",
    "INSERT INTO granary_newest VALUES (1, 0, 1) ON CONFLICT DO NOTHING",
};
constexpr const char* kPostgresFormat = "1";
constexpr const char* kTablesLock = "SELECT pg_advisory_xact_lock(1196573249)";  // "GRAM"+1
constexpr const char* kAreTablesThere = "SELECT to_regclass('granary_newest') IS NOT NULL";

Result<std::uint64_t> NumberOf(const PostgresConnection::Rows& rows) {
  std::uint64_t number = 0;
  if (rows.size() == 1 && !rows[0].empty()) {
    const std::string& text = rows[0][0];
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
  }
  return Status::Corruption("granary_newest has not exactly one row with a version");
}

Status WritePostgresRow(PostgresConnection& db, const Change& change, const std::string& version) {
  GRANARY_ASSIGN(const PostgresConnection::Rows found,
                 db.Run("SELECT CASE WHEN deleted THEN 0 ELSE version END FROM granary_metadata "
                        "WHERE kind = $1 AND key = $2",
                        {change.kind, change.key}));
  std::uint64_t is = 0;
  if (!found.empty()) {
    GRANARY_ASSIGN(is, NumberOf(found));
  }
  GRANARY_TRY(CheckExpected(change, is, /*deleted=*/false));
  return db
      .Run(
          "INSERT INTO granary_metadata VALUES ($1, $2, $3, $4, $5) ON CONFLICT (kind, key) DO "
          "UPDATE SET version = excluded.version, deleted = excluded.deleted, body = "
          "excluded.body",
          {change.kind, change.key, version, change.body ? "f" : "t", change.body.value_or("")})
      .status();
}

PostgresPlace PostgresPlaceOf(const Options& options) {
  return {options.host,      options.port == 0 ? kPostgresPort : options.port,
          options.database,  options.user,
          options.password,  options.tls,
          options.timeout_ms};
}

}  // namespace

PostgresMetadata::PostgresMetadata(const Options& options)
    : place_(PostgresPlaceOf(options)),
      where_(fmt::format("PostgreSQL at {}:{}/{}", place_.host, place_.port, place_.database)) {}

Status PostgresMetadata::Failed(const Status& failure) {
  if (failure.code() == Code::kConflict) return failure;
  db_.reset();  // Whatever transaction there was ends with it.
  const bool is_ours = failure.code() == Code::kDiskFull || failure.code() == Code::kCorruption;
  return {is_ours ? failure.code() : Code::kUnavailable,
          fmt::format("{}: {}", where_, failure.message())};
}

Status PostgresMetadata::Connect() {
  if (db_ && db_->is_open()) return Status::Ok();
  GRANARY_ASSIGN(PostgresConnection db, PostgresConnection::Open(place_));
  GRANARY_ASSIGN(const PostgresConnection::Rows there, db.Run(kAreTablesThere));
  // Whoever may use them need not be allowed to make them.
  if (there.size() != 1 || there[0][0] != "t") {
    GRANARY_TRY(db.Run("BEGIN").status());
    GRANARY_TRY(db.Run(kTablesLock).status());
    for (const char* table : kPostgresTables) GRANARY_TRY(db.Run(table).status());
    GRANARY_TRY(db.Run("COMMIT").status());
  }
  GRANARY_ASSIGN(const PostgresConnection::Rows format,
                 db.Run("SELECT format FROM granary_newest"));
  if (format.size() != 1 || format[0][0] != kPostgresFormat) {
    return Status::Corruption(fmt::format(
        "granary_newest is not of format {}: another version of Granary uses this database",
        kPostgresFormat));
  }
  db_ = std::move(db);
  return Status::Ok();
}

Result<std::uint64_t> PostgresMetadata::CommitIn(PostgresConnection& db,
                                                 const std::vector<Change>& changes,
                                                 std::optional<std::uint64_t> seen) {
  GRANARY_TRY(db.Run("BEGIN").status());
  const auto write = [&]() -> Result<std::uint64_t> {
    GRANARY_ASSIGN(const PostgresConnection::Rows locked,
                   db.Run("SELECT version FROM granary_newest FOR UPDATE"));
    GRANARY_ASSIGN(const std::uint64_t newest, NumberOf(locked));
    GRANARY_TRY(CheckNewest(seen, newest));
    const std::string version = std::to_string(newest + 1);
    for (const Change& change : changes) GRANARY_TRY(WritePostgresRow(db, change, version));
    GRANARY_TRY(db.Run("UPDATE granary_newest SET version = $1", {version}).status());
    return newest + 1;
  };
  Result<std::uint64_t> version = write();
  if (!version.ok()) {
    if (db.is_open()) GRANARY_TRY(db.Run("ROLLBACK").status());
    return version;
  }
  if (const Status committed = db.Run("COMMIT").status(); !committed.ok()) {
    return committed.At(
        "the commit was not confirmed, so whether the change was made is not known; look again");
  }
  return version;
}

Result<std::uint64_t> PostgresMetadata::Commit(const std::vector<Change>& changes,
                                               std::optional<std::uint64_t> seen) {
  GRANARY_TRY(CheckChanges(changes));
  const std::lock_guard lock(mutex_);
  if (const Status connected = Connect(); !connected.ok()) return Failed(connected);
  Result<std::uint64_t> version = CommitIn(*db_, changes, seen);
  return version.ok() ? version : Result<std::uint64_t>(Failed(version.status()));
}

Result<ChangeSet> PostgresMetadata::Changes(std::uint64_t after) {
  const std::lock_guard lock(mutex_);
  const auto read = [&]() -> Result<ChangeSet> {
    GRANARY_TRY(Connect());
    // One statement, so one snapshot. The left join gives a row also when there is nothing new.
    GRANARY_ASSIGN(
        const PostgresConnection::Rows rows,
        db_->Run("SELECT n.version, m.kind, m.key, m.version, m.deleted, m.body FROM "
                 "granary_newest n LEFT JOIN granary_metadata m ON m.version > $1::bigint ORDER BY "
                 "m.version, m.kind COLLATE \"C\", m.key COLLATE \"C\"",
                 {std::to_string(after)}));
    if (rows.empty()) return Status::Corruption("granary_newest is empty");
    ChangeSet out;
    GRANARY_ASSIGN(out.version, NumberOf({rows[0]}));
    GRANARY_TRY(CheckNotOlder(after, out.version));
    for (const auto& row : rows) {
      if (row[1].empty()) continue;
      GRANARY_ASSIGN(const std::uint64_t version, NumberOf({{row[3]}}));
      out.rows.push_back({row[1], row[2], version, row[4] == "t", row[5]});
    }
    return out;
  };
  // A connection that broke while nobody used it is no reason to say that the server is away.
  const bool reused = db_ && db_->is_open();
  Result<ChangeSet> found = read();
  if (!found.ok() && reused && found.status().code() == Code::kUnavailable) {
    db_.reset();
    found = read();
  }
  return found.ok() ? found : Result<ChangeSet>(Failed(found.status()));
}

}  // namespace granary::metadata
