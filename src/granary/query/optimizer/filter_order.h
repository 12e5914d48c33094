// FilterOrder: in which order the parts of an AND or OR are looked at, so that the cheap and the
// decisive come first.
//
// Source     ranks by cost per row left out: Hellerstein and Stonebraker, "Predicate migration"
//            (1993).
// Threads    pure functions.
#pragma once

#include "granary/query/optimizer/cost_model.h"
#include "granary/query/optimizer/selectivity.h"

namespace granary::query {

/// What a part costs a row, and how often it is true.
struct PartRank {
  double cost_ns = 0;
  double matches = 0.5;
};

/// Low ranks first. Of an AND: the cost per row that is left out; of an OR: per row that is let in.
double RankInAnd(const PartRank& part);
double RankInOr(const PartRank& part);

}  // namespace granary::query
