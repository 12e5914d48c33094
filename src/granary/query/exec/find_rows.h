// FindRows: which rows of one snapshot match a filter, as positions: what a delete takes away.
//
// How        as a search without columns: segments that cannot match are not read, of those whose
//            statistics say that all of them match neither.
// Errors     BindFilter's, and kUnknownColumn for a column that the source lacks; context.cancel's.
// Memory     a bitmap for each segment that holds a match, besides the morsels in flight.
// Threads    a call may use context.pool.
#pragma once

#include <optional>

#include "granary/base/status.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/plan/filter.h"
#include "granary/storage/source/source.h"

namespace granary::query {

/// Without a filter all rows match.
Result<storage::MatchedRows> FindRows(const std::optional<Filter>& filter,
                                      const storage::SourceSnapshot& snapshot,
                                      const QueryContext& context);

}  // namespace granary::query
