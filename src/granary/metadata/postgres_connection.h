// PostgresConnection: one connection to PostgreSQL, with results as Status.
//
// Errors     kUnavailable when the server cannot be reached, is starting or stopping, breaks off or
//            takes longer than the timeout: the connection is closed then. kConflict for a
//            serialisation failure or deadlock, kDiskFull, kPermissionDenied, kInternal for any
//            other refusal of a statement. The message carries the server's words and its SQLSTATE.
// Threads    one at a time.
// Source     libpq of PostgreSQL 15.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

struct pg_conn;

namespace granary::metadata {

struct PostgresPlace {
  std::string host;
  std::int64_t port = 0;
  std::string database, user, password;
  bool tls = false;
  std::int64_t timeout_ms = 0;  ///< Of connecting, and of each statement.
};

class PostgresConnection {
 public:
  using Rows = std::vector<std::vector<std::string>>;  ///< As text; null is empty.

  static Result<PostgresConnection> Open(const PostgresPlace& place);

  /// One statement. Parameters are $1, $2, …, as text; they never become part of the statement.
  Result<Rows> Run(const char* sql, const std::vector<std::string>& parameters = {});
  /// Whether the connection still holds; a Run that says kUnavailable ends it.
  bool is_open() const { return connection_ != nullptr; }

 private:
  struct Closer {
    void operator()(pg_conn* connection) const;
  };
  using Handle = std::unique_ptr<pg_conn, Closer>;
  PostgresConnection(Handle connection, std::int64_t timeout_ms)
      : connection_(std::move(connection)), timeout_ms_(timeout_ms) {}

  Status Lost(std::string_view doing);

  Handle connection_;
  std::int64_t timeout_ms_;
};

}  // namespace granary::metadata
