// LikePattern: SQL's LIKE over UTF-8 text: % is any run of characters, _ one character, a backslash
// takes the next character as it is.
//
// Source     the greedy wildcard matcher that remembers only the last %: linear for the usual
//            patterns, never worse than text times pattern.
// Threads    immutable once built.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace granary {

class LikePattern {
 public:
  explicit LikePattern(std::string_view pattern);

  bool Matches(std::string_view text) const;

  /// The same pattern for RE2, anchored at both ends (for ilike, which folds case).
  std::string ToRegex() const;

 private:
  struct Piece {
    enum class Kind { kText, kOneCharacter, kAnyRun } kind = Kind::kText;
    std::string text;
  };
  bool MatchesPieces(std::string_view text) const;

  std::vector<Piece> pieces_;
};

/// True when `needle` occurs in `text`; an empty one always does.
bool ContainsText(std::string_view text, std::string_view needle);

}  // namespace granary
