// CatalogDb: the file that a Metadata Catalog keeps all it knows in: SQLite, as described in
// docs/formats/catalog.md.
//
// Promise    what Change did is durable when it returns OK, and nothing of it is there after a
//            failure.
// Errors     Open: kConflict for a SQLite file of something else, or of another format;
//            kCorruption for one that is damaged, as far as SQLite can tell; kIoError, kDiskFull.
// Threads    fully safe; one at a time.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "granary/base/status.h"
#include "granary/sqlite/sqlite_db.h"

namespace granary::catalog {

inline constexpr std::int64_t kCatalogApplicationId = 0x47524E43;  // "GRNC"
inline constexpr std::int64_t kCatalogFormat = 1;

class CatalogDb {
 public:
  /// Makes the file when it is not there; its folder is.
  static Result<std::unique_ptr<CatalogDb>> Open(const std::string& file);

  /// Calls `work(db)`, which returns a Status or a Result, in one transaction.
  template <typename Work>
  auto Change(const Work& work) -> decltype(work(std::declval<SqliteDb&>())) {
    const std::lock_guard lock(mutex_);
    GRANARY_TRY(db_.Execute("BEGIN IMMEDIATE"));
    auto done = work(db_);
    const Status ended = End(StatusOf(done));
    if (!ended.ok()) return ended;
    return done;
  }
  /// Calls `work(db)`, which changes nothing; what it reads is of one moment.
  template <typename Work>
  auto Read(const Work& work) -> decltype(work(std::declval<SqliteDb&>())) {
    const std::lock_guard lock(mutex_);
    return work(db_);
  }

 private:
  explicit CatalogDb(SqliteDb db) : db_(std::move(db)) {}
  static Status StatusOf(const Status& status) { return status; }
  template <typename T>
  static Status StatusOf(const Result<T>& result) {
    return result.status();
  }
  /// Commits, or takes all back where `outcome` is a failure, which it returns then.
  Status End(const Status& outcome);

  std::mutex mutex_;
  SqliteDb db_;
};

}  // namespace granary::catalog
