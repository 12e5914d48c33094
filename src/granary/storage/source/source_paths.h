// SourcePaths: which paths the documents of a source have, what values lie there, and how many
// files have them as columns of their own.
//
// Threads    pure function of a snapshot; opens the footers of its files and reads its hot rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/json/path_census.h"
#include "granary/storage/source/source_snapshot.h"

namespace granary::storage {

inline constexpr std::size_t kPathsShownMax = 10'000;

struct DocumentPath {
  ColumnId column = 0;
  std::string name;  ///< As a request writes it: "commit.op", "doc.commit.op".
  json::PathCounts counts;
  std::uint64_t files = 0;     ///< That have the path at all,
  std::uint64_t shredded = 0;  ///< and as columns of their own.
  /// Values of more than one kind lie there, nulls and the two lanes of numbers apart.
  bool HasConflict() const;
};

struct SourcePaths {
  std::uint64_t documents = 0;
  bool complete = true;             ///< There are no others.
  std::vector<DocumentPath> paths;  ///< By name.
};

/// kCorruption for a file that cannot be opened.
Result<SourcePaths> CollectPaths(const SourceSnapshot& snapshot);

}  // namespace granary::storage
