// granary query: a search on a running node, printed as a table or as it comes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/cli/node_client.h"

namespace granary::cli {

struct QueryOptions : NodeAddress {
  std::vector<std::string> sources;  ///< None: all.
  std::string filters;               ///< JSON, as in POST /data/search.
  std::vector<std::string> columns;
  std::vector<std::string> order_by;  ///< "amount" or "amount:desc".
  std::uint64_t limit = 20;
  std::string output = "table";  ///< table, json, ndjson, csv, arrow, parquet
};

/// The body of POST /data/search that the options say.
Result<std::string> SearchBody(const QueryOptions& options);
/// The same for POST /data/search/stream, of all records: order_by and limit do not count.
std::string StreamBody(const QueryOptions& options);
Status RunQuery(const QueryOptions& options);

/// The media type of a streamed output: ndjson, csv, arrow, parquet; nothing for any other word.
std::optional<std::string_view> StreamedOutput(std::string_view word);

}  // namespace granary::cli
