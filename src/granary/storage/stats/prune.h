// Pruning: what a predicate can be over rows of which only statistics are known.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "granary/types/column_stats.h"
#include "granary/types/predicate.h"

namespace granary::storage {

/// The outcomes that some row may have. Over-approximates: an outcome that is left out cannot
/// happen.
struct Outcomes {
  bool may_be_true : 1 = true;
  bool may_be_false : 1 = true;
  bool may_be_unknown : 1 = true;

  bool NoneMatch() const { return !may_be_true; }
  bool AllMatch() const { return may_be_true && !may_be_false && !may_be_unknown; }
};

/// Statistics of a column in the predicate's domain; null when nothing is known of it.
using StatsLookup = std::function<const ColumnStats*(ColumnId)>;

/// What a leaf can be, from those who know more of it than its column's statistics; nothing: they
/// do not.
using LeafLookup = std::function<std::optional<Outcomes>(const Predicate& leaf)>;

/// Pure. Handles every Predicate kind; leaves with a JSON path, lists and patterns without a
/// literal prefix are unknown. Uses min, max, value sets and null counts.
Outcomes PossibleOutcomes(const Predicate& predicate, const StatsLookup& stats,
                          const LeafLookup& leaves = {});

}  // namespace granary::storage
