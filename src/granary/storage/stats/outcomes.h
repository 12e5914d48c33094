// Sets of SQL's three truth values, and how AND, OR and NOT combine them.
#pragma once

#include "granary/storage/stats/prune.h"

namespace granary::storage {

inline constexpr Outcomes kNoOutcome{false, false, false};
inline constexpr Outcomes kAnyOutcome{true, true, true};

/// What either set allows.
Outcomes Either(const Outcomes& a, const Outcomes& b);
/// Every combination of an outcome of `a` with one of `b`. Nothing combines with the empty set.
Outcomes AndOf(const Outcomes& a, const Outcomes& b);
Outcomes OrOf(const Outcomes& a, const Outcomes& b);
Outcomes NotOf(const Outcomes& a);

}  // namespace granary::storage
