// AnswerShape: the columns that the rows of a search may have, known before the first row.
//
// Threads    a pure function.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "granary/query/plan/requests.h"
#include "granary/storage/source/source_snapshot.h"

namespace granary::query {

struct ShapeColumn {
  std::string name;
  /// Holds the values of every source exactly; nothing when no type does.
  std::optional<DataType> type;
};

struct AnswerShape {
  std::vector<SourceId> sources;          ///< That are searched.
  std::vector<ShapeColumn> columns;       ///< In order of first appearance.
  std::string key_shape = {};             ///< KeyShapeOf; empty where nobody needs it.
  std::vector<std::string> tenants = {};  ///< Of an answer over several tenants.
};

/// Of a request that CheckSearch accepts.
AnswerShape ShapeOf(const SearchRequest& request,
                    const std::vector<storage::SourceSnapshot>& sources);

}  // namespace granary::query
