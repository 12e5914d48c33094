// NearestWord: what somebody meant who typed a word that there is not.
//
// Threads    pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace granary::cli {

/// Of `words` the one that takes the fewest slips of the fingers to become `typed` (a letter changed,
/// left out, too many, or two swapped): one slip in three letters, and no more; of equals the first.
std::optional<std::string> NearestWord(std::string_view typed, std::span<const std::string> words);

}  // namespace granary::cli
