#include "granary/auth/auth_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace granary::auth {
namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, tenant TEXT NOT NULL, name TEXT NOT NULL,
  password TEXT NOT NULL, roles TEXT NOT NULL, disabled INTEGER NOT NULL, created_us INTEGER NOT NULL,
  UNIQUE (tenant, name)) WITHOUT ROWID;
CREATE TABLE roles (tenant TEXT NOT NULL, name TEXT NOT NULL, grants TEXT NOT NULL,
  PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE keys (id TEXT PRIMARY KEY NOT NULL, tenant TEXT NOT NULL, user TEXT NOT NULL,
  name TEXT NOT NULL, digest BLOB NOT NULL, old_digest BLOB NOT NULL, old_until_us INTEGER NOT NULL,
  is_scoped INTEGER NOT NULL, scope TEXT NOT NULL, created_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL, revoked_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX keys_by_user ON keys (user);
CREATE INDEX keys_by_tenant ON keys (tenant);
CREATE TABLE sessions (id TEXT PRIMARY KEY NOT NULL, tenant TEXT NOT NULL, user TEXT NOT NULL,
  created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, revoked_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user);
CREATE INDEX sessions_by_end ON sessions (expires_us);
CREATE TABLE refresh_tokens (digest BLOB PRIMARY KEY NOT NULL, session TEXT NOT NULL,
  used_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session);
CREATE TABLE signing_keys (seed BLOB PRIMARY KEY NOT NULL, created_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE audit (seq INTEGER PRIMARY KEY AUTOINCREMENT, at_us INTEGER NOT NULL, tenant TEXT NOT NULL,
  actor TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, outcome TEXT NOT NULL,
  address TEXT NOT NULL, request_id TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX audit_by_tenant ON audit (tenant, seq);
)sql";

Status AuthFileError(std::string_view doing, const std::string& path) {
  return Status::IoError(fmt::format("{}: {}: {}", path, doing, std::strerror(errno)));
}

// SQLite gives the files beside it the rights of the file itself.
Status MakeOwn(const std::string& folder, const std::string& file) {
  GRANARY_TRY(MakeAuthFolder(folder));
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return AuthFileError("cannot open", file);
  struct stat found {};
  const bool shared = ::fstat(descriptor, &found) == 0 && (found.st_mode & 077) != 0;
  const bool closed = !shared || ::fchmod(descriptor, 0600) == 0;
  ::close(descriptor);
  return closed ? Status::Ok()
                : AuthFileError("others may read it, and that cannot be changed", file);
}

Result<std::int64_t> FormatOf(SqliteDb& db) {
  GRANARY_ASSIGN(const std::int64_t application, db.QueryInteger("PRAGMA application_id"));
  GRANARY_ASSIGN(const std::int64_t format, db.QueryInteger("PRAGMA user_version"));
  GRANARY_ASSIGN(const std::int64_t tables, db.QueryInteger("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && format == 0 && tables == 0) return std::int64_t{0};
  if (application != kAuthApplicationId) {
    return Status(Code::kConflict,
                  fmt::format("{}: a SQLite file, but not of Granary's users and keys", db.path()));
  }
  if (format >= 1 && format <= kAuthFormat) return format;
  return Status(Code::kConflict, fmt::format("{}: format {}, this program knows 1 to {}", db.path(),
                                             format, kAuthFormat));
}

Status MakeTables(SqliteDb& db) {
  GRANARY_TRY(db.Execute("BEGIN IMMEDIATE"));
  GRANARY_TRY(db.Execute(kTables));
  GRANARY_TRY(db.Execute(fmt::format("PRAGMA application_id={}", kAuthApplicationId).c_str()));
  GRANARY_TRY(db.Execute(fmt::format("PRAGMA user_version={}", kAuthFormat).c_str()));
  return db.Execute("COMMIT");
}

Result<SqliteDb> Connected(const std::string& path, std::int64_t busy_ms) {
  GRANARY_ASSIGN(SqliteDb db, SqliteDb::Open(path, SqliteDb::Access::kReadWrite));
  GRANARY_TRY(db.Execute(fmt::format("PRAGMA busy_timeout={}", busy_ms).c_str()));
  return db;
}

// Changes the file: only for one that is ours.
Status KeepJournal(SqliteDb& db) {
  GRANARY_ASSIGN(const std::string mode, db.QueryText("PRAGMA journal_mode=WAL"));
  if (mode != "wal")
    return Status::IoError(fmt::format("{}: journal mode is {}, not wal", db.path(), mode));
  return db.Execute("PRAGMA synchronous=FULL");
}

}  // namespace

Status MakeAuthFolder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return Status::Ok();
  return AuthFileError("cannot make the folder", folder);
}

std::string AuthFilePath(const std::string& folder) { return folder + "/auth.sqlite"; }

Result<SqliteDb> OpenAuthFile(const std::string& folder, std::int64_t busy_ms) {
  const std::string path = AuthFilePath(folder);
  GRANARY_TRY(MakeOwn(folder, path));
  GRANARY_ASSIGN(SqliteDb db, Connected(path, busy_ms));
  GRANARY_ASSIGN(const std::int64_t format, FormatOf(db));
  GRANARY_TRY(KeepJournal(db));
  if (format == 0) GRANARY_TRY(MakeTables(db));
  GRANARY_ASSIGN(const std::string found, db.QueryText("PRAGMA quick_check(1)"));
  if (found != "ok") return Status::Corruption(fmt::format("{}: {}", path, found));
  return db;
}

Result<SqliteDb> ConnectAuthFile(const std::string& folder, std::int64_t busy_ms) {
  GRANARY_ASSIGN(SqliteDb db, Connected(AuthFilePath(folder), busy_ms));
  GRANARY_TRY(KeepJournal(db));
  return db;
}

}  // namespace granary::auth
