#include "granary/auth/auth_store.h"

#include <utility>

namespace granary::auth {

Result<std::unique_ptr<AuthStore>> AuthStore::Open(const std::string& folder,
                                                   std::int64_t busy_ms) {
  GRANARY_ASSIGN(SqliteDb writer, OpenAuthFile(folder, busy_ms));
  GRANARY_ASSIGN(SqliteDb reader, ConnectAuthFile(folder, busy_ms));
  return std::unique_ptr<AuthStore>(new AuthStore(std::move(writer), std::move(reader)));
}

namespace {

// SQLite waited for whoever has the file open besides.
Status Taken(const Status& failure) {
  if (failure.code() != Code::kConflict) return failure;
  return {Code::kOverloaded, "another program is changing users and keys: try again"};
}

}  // namespace

Status AuthStore::Write(const std::function<Status(AuthRows&)>& change) {
  const std::lock_guard lock(write_mutex_);
  GRANARY_TRY(Taken(writer_.Execute("BEGIN IMMEDIATE")));
  Status status = change(writer_rows_);
  if (status.ok()) status = writer_.Execute("COMMIT");
  // A commit that failed may have ended the transaction by itself.
  if (!status.ok() && writer_.in_transaction()) {
    if (const Status undone = writer_.Execute("ROLLBACK"); !undone.ok()) return undone;
  }
  return status;
}

}  // namespace granary::auth
