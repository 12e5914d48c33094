// MorselKeys: what an ordered search reads first: of each morsel's matching rows the keys alone.
//
// Threads    one for a MorselKeys; the functions from many.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/query_access.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/exec/search_plan.h"
#include "granary/query/exec/search_position.h"
#include "granary/query/exec/top_rows.h"

namespace granary::query {

/// A morsel, and the best and the worst key prefix that its statistics allow.
struct RankedMorsel {
  Morsel morsel;
  std::uint64_t best = 0;
  std::uint64_t worst = ~std::uint64_t{0};
};

/// All of the search's morsels, the most promising first, so that the ceiling comes down early.
Result<std::vector<RankedMorsel>> ListRankedMorsels(const SearchPlan& plan,
                                                    const QueryAccess& access,
                                                    const QueryContext& context, QueryStats& stats);

/// The key of the last row that was shown; only greater ones are ranked.
struct Shown {
  std::uint64_t prefix = 0;
  std::string key;
};
/// kCursorExpired when a column has another type by now.
Result<Shown> ShownKey(const SearchPlan& plan, const OrderedPosition& position);

class MorselKeys {
 public:
  MorselKeys(const SearchPlan& plan, const std::optional<Shown>& shown)
      : plan_(plan), shown_(shown), blocks_(plan.order.size()) {}

  /// Adds the rows behind `shown` of a morsel, the number-th, to `top`, unless that refuses them,
  /// and calls `after_block` once in a while.
  Status Add(const RankedMorsel& ranked, std::uint32_t number, const QueryContext& context,
             TopRows& top, const std::function<Status()>& after_block);
  const QueryStats& stats() const { return stats_; }

 private:
  void AddRows(const ScannedRows& scanned, std::int64_t first, std::uint32_t number,
               std::size_t source, TopRows& top);

  const SearchPlan& plan_;
  const std::optional<Shown>& shown_;
  QueryStats stats_;
  std::vector<ValueBlock> blocks_;
  std::vector<std::uint64_t> prefixes_;
};

/// Where the search goes on behind a row of a morsel: reads the values that it is ordered by once
/// more.
Result<OrderedPosition> PositionOf(const SearchPlan& plan, const Morsel& morsel, std::int32_t row,
                                   const QueryContext& context, QueryStats& stats);

}  // namespace granary::query
