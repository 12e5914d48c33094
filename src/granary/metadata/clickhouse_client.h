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
#include <utility>
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

  struct Insertion {
    std::string table;      ///< Needs no quoting.
    std::string structure;  ///< Of its rows: "kind String, version UInt64".
    Rows rows;
    std::string condition;  ///< The server looks at it when it carries the statement out.
    std::string query_id;   ///< As system.processes shows it while that runs.
  };
  /// Adds the rows, all in one block, so all or none of them; none when the condition does not
  /// hold. So one that arrives late, after its sender gave it up, does what it was meant for or
  /// nothing. OK says that it has been carried out, not that there were rows.
  Status Insert(const Insertion& insertion);

 private:
  using Query = std::vector<std::pair<std::string, std::string>>;
  Result<std::string> Send(Query query, std::string_view body, std::string_view body_type);

  ClickHousePlace place_;
  std::optional<net::HttpClient> client_;
};

}  // namespace granary::metadata
