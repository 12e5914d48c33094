// ClickHouseClient: statements over ClickHouse's HTTP interface.
//
// Errors     kUnavailable when the server cannot be reached, breaks off, takes too long or says
//            that it is too busy; kPermissionDenied, kDiskFull, kInternal for its other refusals,
//            with its words.
// Threads    one at a time.
// Source     ClickHouse's documentation, "HTTP interface"; spoken to 18.16 (Debian 12) in tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/net/http_client.h"

namespace granary::metadata {

struct ClickHousePlace {
  std::string host;
  std::int64_t port = 0;
  std::string user, password;
  bool tls = false;
  std::int64_t timeout_ms = 0;  ///< Of a whole statement.
};

class ClickHouseClient {
 public:
  using Rows = std::vector<std::vector<std::string>>;

  explicit ClickHouseClient(ClickHousePlace place) : place_(std::move(place)) {}

  /// A statement that asks: rows of `columns` values as text. `sql` without FORMAT.
  Result<Rows> Ask(std::string_view sql, std::size_t columns);
  /// A statement that has no answer.
  Status Do(std::string_view sql);
  /// Adds rows to a table, all in one block, so all or none of them. `table` needs no quoting.
  Status Insert(std::string_view table, const Rows& rows);

 private:
  Result<std::string> Send(std::string_view statement, std::string_view data);

  ClickHousePlace place_;
  std::optional<net::HttpClient> client_;
};

}  // namespace granary::metadata
