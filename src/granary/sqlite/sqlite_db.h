// SqliteDb: one SQLite connection, with results as Status.
//
// Errors     kDiskFull (SQLITE_FULL), kConflict (another process holds the file), kPermissionDenied,
//            kCorruption (the file is damaged or no database), kInternal (no memory, or used wrongly),
//            kIoError for the rest; the message carries the path and SQLite's words.
// Threads    one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "granary/base/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace granary {

/// A prepared statement. Positions count from 1 when binding and from 0 when reading, as in SQLite.
class SqliteStatement {
 public:
  SqliteStatement(sqlite3_stmt* statement, std::string path);

  SqliteStatement& Integer(int position, std::int64_t value);
  SqliteStatement& Unsigned(int position,
                            std::uint64_t value);  ///< Kept as the int64 of the same bits.
  SqliteStatement& Text(int position, std::string_view value);  ///< `value` must outlive the steps.
  SqliteStatement& Blob(int position, std::string_view value);  ///< Likewise.
  SqliteStatement& Null(int position);

  /// True when there is a row to read.
  Result<bool> Step();
  /// Steps to the end and makes the statement ready for other values.
  Status Run();
  /// Makes it ready for other values before its end.
  void Reset();

  std::int64_t integer(int column) const;
  std::uint64_t unsigned_integer(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;
  std::string_view bytes(int column) const;  ///< Of text or blob, until the next step.

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  std::string path_;
};

class SqliteDb {
 public:
  enum class Access : std::uint8_t {
    kReadWrite,  ///< Creates the file when it is not there.
    kDump,       ///< Read-only, without locks and without the log beside the file.
  };
  static Result<SqliteDb> Open(const std::string& path, Access access);

  Status Execute(const char* sql);
  Result<SqliteStatement> Prepare(std::string_view sql);
  /// The single integer that `sql` gives.
  Result<std::int64_t> QueryInteger(std::string_view sql);
  /// The single text that `sql` gives.
  Result<std::string> QueryText(std::string_view sql);

  bool in_transaction() const;
  /// Moves what the log holds into the file and empties the log.
  Status Checkpoint();
  Status Close();

  const std::string& path() const { return path_; }

 private:
  struct Closer {
    void operator()(sqlite3* db) const;
  };
  SqliteDb(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}

  std::unique_ptr<sqlite3, Closer> db_;
  std::string path_;
};

}  // namespace granary
