// Key sample: how many columns the lines of a block will have together, each a JSON object, before
// any of them is parsed.
//
// How        the keys of some lines are looked at, and of those that are much longer than others. Of
//            keys that only one of them has, there are as many more as lines that were passed over
//            stand for one that was not. Up to kLinesLookedAt lines it is exact.
// Threads    pure.
#pragma once

#include <cstddef>

#include "granary/formats/text_lines.h"

namespace granary::formats {

inline constexpr std::size_t kLinesLookedAt = 4'096;

/// At most `most`. What is no object has no keys.
std::size_t ColumnsIn(const LineBlock& block, std::size_t most);

}  // namespace granary::formats
