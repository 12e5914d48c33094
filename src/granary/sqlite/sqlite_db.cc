#include "granary/sqlite/sqlite_db.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <bit>

namespace granary {
namespace {

Status SqliteError(int code, std::string_view path, std::string_view message) {
  std::string text = fmt::format("{}: {} (SQLite {})", path, message, code);
  switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW: return Status::Ok();
    case SQLITE_FULL: return {Code::kDiskFull, std::move(text)};
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return {Code::kConflict, std::move(text)};
    case SQLITE_PERM:
    case SQLITE_AUTH: return {Code::kPermissionDenied, std::move(text)};
    // Our statements are fixed: one that no longer fits the tables means the tables were damaged.
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_CORRUPT:
    case SQLITE_FORMAT:
    case SQLITE_SCHEMA:
    case SQLITE_NOTADB: return Status::Corruption(std::move(text));
    case SQLITE_NOMEM:
    case SQLITE_MISUSE: return Status::Internal(std::move(text));
    default: return Status::IoError(std::move(text));
  }
}

Status LastError(sqlite3* db, std::string_view path) {
  return SqliteError(sqlite3_extended_errcode(db), path, sqlite3_errmsg(db));
}

// "file:" URI of a path, for which SQLite decodes %xx.
std::string FileUri(std::string_view path, std::string_view query) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#')
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    else
      uri += c;
  }
  return uri.append(query);
}

}  // namespace

void SqliteStatement::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}
void SqliteDb::Closer::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

SqliteStatement::SqliteStatement(sqlite3_stmt* statement, std::string path)
    : statement_(statement), path_(std::move(path)) {}

// A binding fails only without memory or out of range; the step that follows then fails too, on a
// NOT NULL column.
SqliteStatement& SqliteStatement::Integer(int position, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), position, value);
  return *this;
}
SqliteStatement& SqliteStatement::Unsigned(int position, std::uint64_t value) {
  return Integer(position, std::bit_cast<std::int64_t>(value));
}
SqliteStatement& SqliteStatement::Text(int position, std::string_view value) {
  // A null pointer would bind NULL.
  sqlite3_bind_text64(statement_.get(), position, value.empty() ? "" : value.data(), value.size(),
                      SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}
SqliteStatement& SqliteStatement::Blob(int position, std::string_view value) {
  sqlite3_bind_blob64(statement_.get(), position, value.empty() ? "" : value.data(), value.size(),
                      SQLITE_STATIC);
  return *this;
}
SqliteStatement& SqliteStatement::Null(int position) {
  sqlite3_bind_null(statement_.get(), position);
  return *this;
}

Result<bool> SqliteStatement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  const Status failure = LastError(sqlite3_db_handle(statement_.get()), path_);
  sqlite3_reset(statement_.get());
  return failure;
}

Status SqliteStatement::Run() {
  for (;;) {
    GRANARY_ASSIGN(const bool row, Step());
    if (!row) break;
  }
  sqlite3_reset(statement_.get());
  return Status::Ok();
}

void SqliteStatement::Reset() { sqlite3_reset(statement_.get()); }

std::int64_t SqliteStatement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}
std::uint64_t SqliteStatement::unsigned_integer(int column) const {
  return std::bit_cast<std::uint64_t>(integer(column));
}
std::optional<std::int64_t> SqliteStatement::optional_integer(int column) const {
  if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) return std::nullopt;
  return integer(column);
}
std::string_view SqliteStatement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string_view{}
                         : std::string_view(data, static_cast<std::size_t>(size));
}

Result<SqliteDb> SqliteDb::Open(const std::string& path, Access access) {
  sqlite3* raw = nullptr;
  const bool dump = access == Access::kDump;
  const int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
                    (dump ? SQLITE_OPEN_READONLY
                          : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW);
  const int code =
      sqlite3_open_v2(FileUri(path, dump ? "?immutable=1" : "").c_str(), &raw, flags, nullptr);
  SqliteDb db(raw, path);
  if (code != SQLITE_OK) {
    return SqliteError(code, path, raw == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(raw));
  }
  sqlite3_extended_result_codes(raw, 1);
  // A damaged or planted file must not run anything: no triggers or views with side effects.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  // A mapped file would turn an I/O error into SIGBUS.
  GRANARY_TRY(db.Execute("PRAGMA mmap_size=0; PRAGMA cell_size_check=ON;"));
  return db;
}

Status SqliteDb::Execute(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return Status::Ok();
  return LastError(db_.get(), path_);
}

Result<SqliteStatement> SqliteDb::Prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code =
      sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
  SqliteStatement statement(raw, path_);
  if (code != SQLITE_OK) return LastError(db_.get(), path_);
  return statement;
}

Result<std::int64_t> SqliteDb::QueryInteger(std::string_view sql) {
  GRANARY_ASSIGN(SqliteStatement query, Prepare(sql));
  GRANARY_ASSIGN(const bool row, query.Step());
  if (!row) return Status::Corruption(fmt::format("{}: no answer to {}", path_, sql));
  return query.integer(0);
}

Result<std::string> SqliteDb::QueryText(std::string_view sql) {
  GRANARY_ASSIGN(SqliteStatement query, Prepare(sql));
  GRANARY_ASSIGN(const bool row, query.Step());
  if (!row) return Status::Corruption(fmt::format("{}: no answer to {}", path_, sql));
  return std::string(query.bytes(0));
}

bool SqliteDb::in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }

Status SqliteDb::Checkpoint() {
  const int code =
      sqlite3_wal_checkpoint_v2(db_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  return code == SQLITE_OK ? Status::Ok() : LastError(db_.get(), path_);
}

Status SqliteDb::Close() {
  if (db_ == nullptr) return Status::Ok();
  sqlite3* db = db_.release();
  const int code = sqlite3_close_v2(db);
  return code == SQLITE_OK ? Status::Ok() : SqliteError(code, path_, sqlite3_errstr(code));
}

}  // namespace granary
