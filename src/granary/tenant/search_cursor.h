// SearchCursor: what a client is given to go on with a search: an opaque text that holds the
// snapshot the search began with and where the last page ended.
//
// Promise    only what this tenant gave is taken back, unchanged (HMAC-SHA-256 under a key of the
//            tenant's own), and only with the request that it came from. Nothing of it is kept: a
//            restart does not end it.
// Shape      base64url, without padding, of: format (2), body, HMAC over both (32 bytes). Body:
//            began_us (8), request (16), sources (4 + 44 each), position. Format 1 had no
//            generations: 36 bytes a source. Format 3 is 2 without a position.
// Threads    const from many.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/hash.h"
#include "granary/base/status.h"
#include "granary/query/exec/search_position.h"
#include "granary/storage/source/source_snapshot.h"

namespace granary {

struct SearchCursor {
  std::int64_t began_us = 0;                      ///< When the first page was asked for.
  Digest128 request;                              ///< query::Fingerprint.
  std::vector<storage::SnapshotMark> sources;     ///< By id.
  std::optional<query::SearchPosition> position;  ///< Nothing: at the beginning.
  bool operator==(const SearchCursor&) const = default;
};

class CursorSeal {
 public:
  CursorSeal() = default;
  explicit CursorSeal(std::string key) : key_(std::move(key)) {}

  Result<std::string> Write(const SearchCursor& cursor) const;
  /// kInvalidRequest at /cursor for anything that Write did not give.
  Result<SearchCursor> Read(std::string_view text) const;

 private:
  std::string key_;
};

}  // namespace granary
