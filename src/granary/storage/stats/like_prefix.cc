#include "granary/storage/stats/like_prefix.h"

namespace granary::storage {

LikePrefix PrefixOfLike(std::string_view pattern) {
  LikePrefix found;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '%' || pattern[i] == '_') {
      const bool only_percents = pattern.find_first_not_of('%', i) == std::string_view::npos;
      found.rest = only_percents ? LikePrefix::Rest::kAnything : LikePrefix::Rest::kUnknown;
      return found;
    }
    if (pattern[i] == '\\' && ++i == pattern.size()) {
      found.rest =
          LikePrefix::Rest::kUnknown;  // A lone backslash at the end: the matcher's to say.
      return found;
    }
    found.prefix.push_back(pattern[i]);
  }
  return found;
}

}  // namespace granary::storage
