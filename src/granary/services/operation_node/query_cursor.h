// QueryCursor: what a client is given to go on with a search over several tenants: an opaque text
// that holds each tenant's own cursor and how far behind it the last page got.
//
// Promise    only what this Operation Node, or another with its secret, gave is taken back, unchanged
//            (HMAC-SHA-256), and only with the request that it came from. Nothing of it is kept: a
//            restart does not end it, nor does a tenant that moved to another node.
// Shape      base64url, without padding, of: format (1), u128 fingerprint of the request, u32 parts
//            and of each tenant, u8 done, u64 skip, anchor; u32 missing and of each tenant, reason;
//            HMAC over all of it (32 bytes).
// Threads    const from many.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/api/request_json.h"
#include "granary/base/hash.h"
#include "granary/base/status.h"
#include "granary/query/plan/requests.h"
#include "granary/services/operation_node/query_targets.h"

namespace granary::operation {

struct QueryCursor {
  struct Part {
    std::string tenant;
    bool done = false;       ///< Nothing is left of it.
    std::uint64_t skip = 0;  ///< Rows behind the anchor that were shown.
    std::string anchor;      ///< In the tenant's own words; empty: it was not asked yet.
    bool operator==(const Part&) const = default;
  };
  Digest128 request;
  std::vector<Part> parts;             ///< By tenant.
  std::vector<MissingTenant> missing;  ///< Whom all pages are without.
  bool operator==(const QueryCursor&) const = default;
};

/// Of a search and of whom it asks; limit and cursor apart.
Digest128 FingerprintOf(const query::SearchRequest& request, const api::Spread& spread);

class QueryCursorSeal {
 public:
  explicit QueryCursorSeal(std::string key) : key_(std::move(key)) {}

  Result<std::string> Write(const QueryCursor& cursor) const;
  /// kInvalidRequest at /cursor for anything that Write did not give, or gave for another request.
  Result<QueryCursor> Read(std::string_view text, const Digest128& request) const;

 private:
  std::string key_;
};

}  // namespace granary::operation
