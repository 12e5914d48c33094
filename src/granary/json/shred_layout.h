// ShredLayout: what a file says about one of its columns of documents: which paths are columns of
// their own, and which paths there are at all.
//
// Shape      a JSON text in the file's key-value metadata (docs/formats/segment.md).
// Rules      the column of documents holds every document with null in the place of each value that
//            is in a lane. So where a lane has a value the null stands for it, and where none has,
//            it is a null.
// Threads    immutable.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/json/path_census.h"

namespace granary::json {

struct ShreddedLane {
  Lane lane = Lane::kString;
  std::int32_t field_id = 0;  ///< Of its column in the file.
  bool operator==(const ShreddedLane&) const = default;
};

struct ShreddedPath {
  std::vector<std::string> path;
  std::vector<ShreddedLane> lanes;
  /// Documents in which something may be found at the path that no lane holds: a value of another
  /// kind or spelling, or an array on the way.
  std::uint64_t left = 0;
  bool operator==(const ShreddedPath&) const = default;
};

struct ShredLayout {
  std::int32_t column = 0;      ///< Field id of the documents.
  std::uint64_t documents = 0;  ///< That are not null.
  std::uint64_t others = 0;     ///< Those of them that are no objects; they stay as they are.
  std::vector<ShreddedPath> paths;
  std::vector<CountedPath> counted;
  bool complete = false;  ///< `counted` names every path there is.

  /// Null when the path is no column of its own.
  const ShreddedPath* Find(std::span<const std::string> path) const;
  /// Nothing is found at the path in any document, nulls apart.
  bool IsAbsent(std::span<const std::string> path) const;

  static std::string Encode(std::span<const ShredLayout> layouts);
  /// kCorruption for a text that is none.
  static Result<std::vector<ShredLayout>> Decode(std::string_view text);
};

/// Is `path` at or below `prefix`?
bool IsUnder(std::span<const std::string> path, std::span<const std::string> prefix);

}  // namespace granary::json
