// LeafMatcher: one leaf of a predicate against values inside JSON documents.
//
// Logic      numbers compare exactly, whatever their spelling; a value of another kind than the
//            literal does not match; an array matches when any of its elements does; null is
//            unknown.
// Threads    one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/json/cell.h"
#include "granary/types/like_pattern.h"
#include "granary/types/pattern_program.h"
#include "granary/types/predicate.h"

namespace granary::json {

class LeafMatcher {
 public:
  /// PatternProgram's errors. `leaf` must outlive the matcher.
  static Result<LeafMatcher> Make(const Predicate& leaf);
  LeafMatcher(LeafMatcher&&) noexcept;
  ~LeafMatcher();

  /// Looks at a value that the path leads to; more than one when the path crosses an array.
  Taken Add(Cell& cell, CellContext& context);
  /// The same for a value that is known without its text.
  void AddString(std::string_view text);
  void AddInteger(std::int64_t integer);
  void AddDouble(double number);
  void AddBool(bool boolean);
  /// The outcome over all values since the last call; nothing is unknown.
  std::optional<bool> Finish();

 private:
  struct Wanted {
    Literal::Kind kind;
    std::string text;  ///< A string, a number's text, or a canonical document.
    bool boolean = false;
    std::optional<std::int64_t> integer;
    std::optional<double> number;  ///< Of a number that a double is exactly.
  };

  explicit LeafMatcher(const Predicate& leaf);
  Taken Match(Cell& cell, CellContext& context, bool in_array, bool& matched);
  Taken MatchArray(Cell& cell, CellContext& context, bool& matched);
  Taken MatchDocument(Cell& cell, CellContext& context, bool in_array, bool& matched);
  Taken MatchScalar(Cell& cell, CellContext& context, bool in_array, bool& matched) const;
  bool MatchText(std::string_view text) const;
  /// Counts a value; true when it is to be compared.
  bool Starts();
  template <typename Compare>
  void MatchNumber(const Compare& compare);
  bool OrderFits(int order) const;
  /// `order_to` is how a value lies to a literal: below 0, 0 or above; nothing where they are of two
  /// kinds.
  template <typename OrderTo>
  bool Fits(const OrderTo& order_to) const;
  static Result<Wanted> Prepare(const Literal& literal);

  const Predicate& leaf_;
  std::vector<Wanted> wanted_;
  std::optional<LikePattern> like_;
  std::shared_ptr<const PatternProgram> program_;  ///< Of ilike and regex.
  bool seen_ = false;
  bool matched_ = false;
};

}  // namespace granary::json
