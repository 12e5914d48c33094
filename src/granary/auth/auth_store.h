// AuthStore: the auth file behind two connections, so that whoever checks a key never waits for a
// commit to reach the disk.
//
// Promise    Write commits all that `change` did, on the disk when it returns OK, or nothing. What
//            it did is seen by the next Read.
// Others     another program (sqlite3) may change the file meanwhile: each Read sees the newest
//            commit.
// Threads    fully safe; one Write and one Read at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "granary/auth/auth_file.h"
#include "granary/auth/auth_rows.h"
#include "granary/base/status.h"
#include "granary/sqlite/sqlite_db.h"

namespace granary::auth {

class AuthStore {
 public:
  /// OpenAuthFile's failures.
  static Result<std::unique_ptr<AuthStore>> Open(const std::string& folder,
                                                 std::int64_t busy_ms = kAuthBusyMs);

  /// One transaction. What `change` fails with is returned, and nothing is changed. kOverloaded
  /// when another program has held the file for `busy_ms`.
  Status Write(const std::function<Status(AuthRows&)>& change);
  /// What `look` returns, a Status or a Result.
  template <typename Look>
  auto Read(const Look& look) {
    const std::lock_guard lock(read_mutex_);
    return look(reader_rows_);
  }

 private:
  AuthStore(SqliteDb writer, SqliteDb reader)
      : writer_(std::move(writer)), reader_(std::move(reader)) {}

  std::mutex write_mutex_, read_mutex_;
  SqliteDb writer_;                // Guarded by write_mutex_,
  AuthRows writer_rows_{writer_};  // as this.
  SqliteDb reader_;                // Guarded by read_mutex_,
  AuthRows reader_rows_{reader_};  // as this.
};

}  // namespace granary::auth
