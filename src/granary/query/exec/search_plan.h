// SearchPlan: a search request checked against its sources: what to filter by, order by and show.
//
// Threads    immutable once made; the snapshots outlive it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/search.h"
#include "granary/query/exec/sort_key.h"
#include "granary/query/exec/source_columns.h"
#include "granary/query/exec/source_scan.h"

namespace granary::query {

/// A column of the answer as one source gives it.
struct ShownColumn {
  Column column;                  ///< As in ResultBatch.
  int position = -1;              ///< Among the scan's output columns; -1: the source lacks it.
  std::vector<std::string> path;  ///< Inside a json column.
};

struct OrderColumn {
  BoundColumn bound;
  DataType input;          ///< Blocks are loaded as this type …
  bool own_types = false;  ///< … or, where other numbers meet floats, as each source's own.
  KeyForm form = KeyForm::kPlain;
  Direction direction = Direction::kAscending;
  std::vector<int> positions;  ///< One a source, among the output columns of SearchPlan::keys.
};

struct SearchPlan {
  std::vector<SourceScan> rows;  ///< One a source: the filter, and the columns to show.
  std::vector<std::vector<ShownColumn>> shown;  ///< One a source.

  std::vector<OrderColumn> order;       ///< Empty: in the order of the morsels.
  std::vector<SourceScan> keys;         ///< With an order: the filter, and the columns to order by.
  std::vector<int> sequence_positions;  ///< One a source, among those.
  std::vector<std::uint32_t> source_ranks;  ///< One a source, by id; the last tie-breaker.
};

Result<SearchPlan> PlanSearch(const SearchRequest& request,
                              const std::vector<storage::SourceSnapshot>& sources);
/// Of parts of a search's sources: names, types and ranks are those among all of `known`.
Result<SearchPlan> PlanSearch(const SearchRequest& request,
                              const std::vector<storage::SourceSnapshot>& sources,
                              const std::vector<storage::SourceSnapshot>& known);
/// The same with ranks among `ranked`.
Result<SearchPlan> PlanSearch(const SearchRequest& request,
                              const std::vector<storage::SourceSnapshot>& sources,
                              const std::vector<storage::SourceSnapshot>& known,
                              const std::vector<storage::SourceSnapshot>& ranked);

/// How keys are made: those of searches with the same text compare with each other.
std::string KeyShapeOf(const SearchPlan& plan);

}  // namespace granary::query
