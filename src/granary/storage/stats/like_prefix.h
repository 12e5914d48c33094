// What a LIKE pattern says about where its matches stand among all strings.
#pragma once

#include <string>
#include <string_view>

namespace granary::storage {

struct LikePrefix {
  /// Every match starts with these bytes.
  std::string prefix;
  enum class Rest {
    kNothing,   ///< A match is the prefix.
    kAnything,  ///< Whatever starts with the prefix matches.
    kUnknown,
  } rest = Rest::kNothing;
};

/// % and _ end the prefix; a backslash takes the next character as it is.
LikePrefix PrefixOfLike(std::string_view pattern);

}  // namespace granary::storage
