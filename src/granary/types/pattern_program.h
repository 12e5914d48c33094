// PatternProgram: a regex or ilike pattern, compiled. It is made once for a query, by whoever has
// memory to give to it, and all leaves of that pattern share it.
//
// Source     RE2; max_mem bounds the program and the automata that matching builds from it.
// Threads    const from many.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <re2/re2.h>

#include "granary/base/status.h"
#include "granary/types/predicate.h"

namespace granary {

class PatternProgram {
 public:
  /// What RE2 takes where nobody says less.
  static constexpr std::size_t kMemoryMax = 8u << 20;

  enum class Kind : unsigned char {
    kRegex,  ///< As RE2 reads it.
    kILike,  ///< SQL's LIKE (types/like_pattern.h), whatever the case.
  };

  /// kInvalidLiteral for what is no regular expression, kTooLarge for what needs more memory.
  static Result<std::shared_ptr<const PatternProgram>> Compile(const std::string& pattern,
                                                               Kind kind,
                                                               std::size_t memory_max = kMemoryMax);
  /// Of a leaf of kRegex or kILike: the one that it brings, else one that is made now.
  static Result<std::shared_ptr<const PatternProgram>> Of(const Predicate& leaf);

  bool Matches(std::string_view text) const {
    return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex_);
  }

 private:
  PatternProgram(const std::string& pattern, const RE2::Options& options)
      : regex_(pattern, options) {}
  const RE2 regex_;
};

}  // namespace granary
