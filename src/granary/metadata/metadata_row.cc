#include "granary/metadata/metadata_row.h"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "granary/base/ids.h"
#include "granary/base/utf8.h"

namespace granary::metadata {

Status CheckChanges(const std::vector<Change>& changes) {
  if (changes.empty() || changes.size() > kChangesMax) {
    return {Code::kInvalidArgument, fmt::format("a commit has 1 to {} changes, this one has {}",
                                                kChangesMax, changes.size())};
  }
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const Change& change : changes) {
    if (!IsIdentifier(change.kind)) return InvalidIdentifier(change.kind);
    if (!IsIdentifier(change.key)) return InvalidIdentifier(change.key);
    if (!seen.emplace(change.kind, change.key).second) {
      return {Code::kInvalidArgument,
              fmt::format("a commit changes {} '{}' twice", change.kind, change.key)};
    }
    if (!change.body) continue;
    if (change.body->size() > kBodyBytesMax) {
      return {Code::kInvalidArgument,
              fmt::format("{} '{}' would have {} bytes, allowed are {}", change.kind, change.key,
                          change.body->size(), kBodyBytesMax)};
    }
    if (!IsValidUtf8(*change.body) || change.body->find('\0') != std::string::npos) {
      return {Code::kInvalidArgument,
              fmt::format("{} '{}' is no text in UTF-8", change.kind, change.key)};
    }
  }
  return Status::Ok();
}

Status CheckExpected(const Change& change, std::uint64_t found, bool deleted) {
  const std::uint64_t is = deleted ? 0 : found;
  if (is == change.expected) return Status::Ok();
  return {Code::kConflict,
          fmt::format("{} '{}' has version {}, not {}: somebody changed it meanwhile", change.kind,
                      change.key, is, change.expected)};
}

Status CheckNewest(std::optional<std::uint64_t> seen, std::uint64_t newest) {
  if (!seen || *seen == newest) return Status::Ok();
  return {Code::kConflict, fmt::format("the store is at version {}, not {}: somebody changed it "
                                       "meanwhile",
                                       newest, *seen)};
}

Status CheckNotOlder(std::uint64_t seen, std::uint64_t newest) {
  if (seen <= newest) return Status::Ok();
  return {Code::kUnavailable,
          fmt::format("the store is at version {}, but {} was seen of it: an older copy is in its "
                      "place; put the right one back, or restart to take this one",
                      newest, seen)};
}

}  // namespace granary::metadata
