#include "granary/storage/stats/like_prefix.h"

#include <algorithm>

namespace granary::storage {

LikePrefix PrefixOfLike(std::string_view pattern) {
  LikePrefix found;
  std::size_t& i = found.ends_at;
  for (; i < pattern.size(); ++i) {
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

double LikeShare(std::string_view pattern) {
  constexpr double kCharacter = 0.20;
  constexpr double kAnyCharacter = 0.9;
  constexpr double kWildcard = 2;
  constexpr double kLeast = 1e-6;  // Further characters tell nothing; and it stays a number.
  pattern.remove_prefix(std::min(pattern.find_first_not_of('%'), pattern.size()));
  double share = 1;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '%') {
      share *= kWildcard;
    } else if (pattern[i] == '_') {
      share *= kAnyCharacter;
    } else {
      if (pattern[i] == '\\') ++i;
      share *= kCharacter;
    }
    share = std::clamp(share, kLeast, 1.0);
  }
  return share;
}

}  // namespace granary::storage
