// What a LIKE pattern says about where its matches stand among all strings, and how few they may
// be.
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
  /// Where in the pattern the prefix ends.
  std::size_t ends_at = 0;
};

/// % and _ end the prefix; a backslash takes the next character as it is.
LikePrefix PrefixOfLike(std::string_view pattern);

/// A guess at the share of texts, 0 to 1, that match `pattern`, of which nothing else is known:
/// each character that must be there keeps a fifth of them. Source: like_selectivity in
/// PostgreSQL's src/backend/utils/adt/like_support.c, whose constants these are (FIXED_CHAR_SEL
/// 0.20, ANY_CHAR_SEL 0.9, FULL_WILDCARD_SEL 2).
double LikeShare(std::string_view pattern);

}  // namespace granary::storage
