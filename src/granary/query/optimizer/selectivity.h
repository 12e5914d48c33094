// Selectivity: how many of some rows a predicate is true for, as far as statistics tell.
//
// How        leaves by storage/stats/column_estimator.h; the two ends that an AND sets on one
//            column together, an OR over one column adds up; other parts as if they were
//            independent.
// Promise    an estimate, within 0 and 1 whatever the statistics say. No answer depends on it.
// Threads    pure functions.
#pragma once

#include <functional>

#include "granary/storage/stats/column_estimator.h"
#include "granary/types/predicate.h"

namespace granary::query {

/// Of all rows. What is neither true nor unknown is false.
struct Fractions {
  double matches = 1;  ///< The predicate is true.
  double unknown = 0;
};

/// What is known of a column of the rows at hand, in the predicate's domain; null: nothing.
using KnownColumns = std::function<const storage::ColumnEstimator*(ColumnId)>;

/// Does a leaf of this kind set a lower (an upper) end?
inline bool SetsLowEnd(Predicate::Kind kind) {
  return kind == Predicate::Kind::kGreater || kind == Predicate::Kind::kGreaterEqual;
}
inline bool SetsHighEnd(Predicate::Kind kind) {
  return kind == Predicate::Kind::kLess || kind == Predicate::Kind::kLessEqual;
}

Fractions Selectivity(const Predicate& predicate, const KnownColumns& known);

/// The same estimator, or one that knows nothing.
const storage::ColumnEstimator& OrNothing(const storage::ColumnEstimator* known);

}  // namespace granary::query
