// Which paths of a column of documents become typed columns of their own in a file.
//
// Threads    pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "granary/json/path_census.h"

namespace granary::json {

/// Past these a path stays in the documents' text.
struct ShredLimits {
  std::size_t paths_max = 64;         ///< 0: none.
  std::size_t path_bytes_max = 200;   ///< Of its dotted name.
  std::uint64_t documents_each = 50;  ///< One document in so many must have a scalar there.
};

struct ChosenPath {
  std::vector<std::string> path;
  std::vector<Lane> lanes;  ///< Of the kinds that were met, the most frequent first.
  bool mostly_distinct = false;
  bool operator==(const ChosenPath&) const = default;
};

struct ShredChoice {
  std::vector<ChosenPath> paths;  ///< In the census' order.
  std::string reason;             ///< One sentence, for people.
};

/// The most frequent ones first, the census' order deciding between equals.
ShredChoice ChoosePaths(std::span<const CountedPath> counted, std::uint64_t documents,
                        const ShredLimits& limits);

/// The keys with a dot between them, dots and backslashes in keys escaped: what a request would
/// call the path.
std::string DottedName(std::span<const std::string> path);

}  // namespace granary::json
