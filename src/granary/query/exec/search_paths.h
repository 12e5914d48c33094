// The two ways of a search: in the order of the morsels, and by order_by.
#pragma once

#include <cstdint>
#include <optional>

#include "granary/base/status.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/exec/search.h"
#include "granary/query/exec/search_plan.h"
#include "granary/query/exec/search_position.h"

namespace granary::query {

/// A row where it lies.
struct StoredRow {
  std::size_t source = 0;           ///< Among plan.rows.
  std::optional<RowPlace> segment;  ///< Nothing for a hot row.
  std::uint64_t sequence = 0;       ///< Of a hot row.
};

/// Where a search in the order of the morsels stopped.
struct StoredEnd {
  std::optional<StoredRow> last;  ///< That was shown.
  bool more = false;              ///< More rows may match.
};

/// Rows as they lie: source by source, segments by sequence, then hot rows. Stops once `limit` is
/// full. Begins behind the row at `after`, which is in the first segment of the first source.
Result<QueryStats> SearchAsStored(const SearchPlan& plan, std::optional<std::uint64_t> limit,
                                  const QueryContext& context, const SearchSink& sink,
                                  const RowPlace* after = nullptr, StoredEnd* end = nullptr);

/// Keys first, then the columns to show of the best `limit` rows alone. Row groups whose best key,
/// by their statistics, is worse than the rows at hand are not read. Shows only rows behind
/// `after`; `next` is set to the last row shown when there are more.
Result<QueryStats> SearchOrdered(const SearchPlan& plan, std::optional<std::uint64_t> limit,
                                 const QueryContext& context, const SearchSink& sink,
                                 const OrderedPosition* after = nullptr,
                                 std::optional<OrderedPosition>* next = nullptr);

}  // namespace granary::query
