// The two ways of a search: in the order of the morsels, and by order_by.
#pragma once

#include <cstdint>
#include <optional>

#include "granary/base/status.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/exec/search.h"
#include "granary/query/exec/search_plan.h"

namespace granary::query {

/// Rows as they lie: source by source, segments by sequence, then hot rows. Stops once `limit` is
/// full.
Result<QueryStats> SearchAsStored(const SearchPlan& plan, std::optional<std::uint64_t> limit,
                                  const QueryContext& context, const SearchSink& sink);

/// Keys first, then the columns to show of the best `limit` rows alone. Row groups whose best key,
/// by their statistics, is worse than the rows at hand are not read.
Result<QueryStats> SearchOrdered(const SearchPlan& plan, std::optional<std::uint64_t> limit,
                                 const QueryContext& context, const SearchSink& sink);

}  // namespace granary::query
