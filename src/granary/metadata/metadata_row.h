// The rows of a metadata store: what a service keeps about all others, as JSON under a name.
//
// Shape      a row is a kind ("tenant"), a key ("acme") and a body. Each commit has a version, one
//            more than the commit before it in the whole store; the rows that it wrote carry it. So
//            a version is given to one commit alone, and whoever knows a row's version knows its
//            body.
// Threads    values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::metadata {

inline constexpr std::size_t kBodyBytesMax = 64u << 10;
inline constexpr std::size_t kChangesMax = 1'000;

struct Row {
  std::string kind;
  std::string key;
  std::uint64_t version = 0;
  bool deleted = false;  ///< It is kept as a mark, so that others learn of it. No body then.
  std::string body;
  bool operator==(const Row&) const = default;
};

/// A row as it shall be.
struct Change {
  std::string kind;
  std::string key;
  std::uint64_t expected = 0;       ///< The version that it has; 0: it is not there, or deleted.
  std::optional<std::string> body;  ///< Nothing: deleted.
};

/// What a store holds, or what of it is newer than a version.
struct ChangeSet {
  std::uint64_t version = 0;  ///< Of the newest commit.
  std::vector<Row> rows;      ///< Each once, as it is now, in order of version, kind and key.
};

/// kInvalidArgument for what no store takes: none or more than kChangesMax changes, a kind or key
/// that is no identifier, a body of more than kBodyBytesMax or that is no UTF-8, a row twice.
Status CheckChanges(const std::vector<Change>& changes);

/// kConflict unless the row has the version that the change expects; `found` is 0 when it is not
/// there.
Status CheckExpected(const Change& change, std::uint64_t found, bool deleted);

/// kConflict unless `newest` is what the caller has seen; anything is when they do not say.
Status CheckNewest(std::optional<std::uint64_t> seen, std::uint64_t newest);

/// kUnavailable when the store is older than what the caller has seen of it (a backup was put in
/// its place): what they know and what it holds then do not fit.
Status CheckNotOlder(std::uint64_t seen, std::uint64_t newest);

}  // namespace granary::metadata
