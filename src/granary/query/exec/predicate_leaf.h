// PredicateLeaf: where one leaf of a predicate (or its negation) is TRUE over rows of its column.
//
// Why        NOT is pushed down to the leaves (De Morgan holds in three-valued logic), so nobody
//            above a leaf needs to tell false from unknown: a leaf or its negation is true, or it
//            does not count.
// Threads    immutable once built.
#pragma once

#include <cstdint>
#include <memory>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/query/exec/value_check.h"
#include "granary/types/predicate.h"

namespace granary::query {

enum class Polarity : std::uint8_t { kPlain, kNegated };

class PredicateLeaf {
 public:
  /// `leaf` is neither kAnd, kOr, kNot nor kConstant.
  static Result<PredicateLeaf> Make(const Predicate& leaf, Polarity polarity);

  ColumnId column() const { return leaf_.column; }
  bool costly() const;

  /// out[i] = 1 where it is true at row first + i; `wanted`, when given, says which rows matter.
  /// `column` is of the type's Arrow shape, or a dictionary of it.
  Status Evaluate(const arrow::Array& column, std::int64_t first, std::int64_t count,
                  const std::uint8_t* wanted, std::uint8_t* out) const;

 private:
  PredicateLeaf(Predicate leaf, Polarity polarity) : leaf_(std::move(leaf)), polarity_(polarity) {}

  bool InJson() const;
  Status EvaluateJson(const arrow::Array& column, std::int64_t first, std::int64_t count,
                      const std::uint8_t* wanted, std::uint8_t* out) const;
  void CheckDictionary(const arrow::Array& column, std::int64_t first, std::int64_t count,
                       std::uint8_t* out) const;
  void CheckList(const arrow::Array& column, std::int64_t first, std::int64_t count,
                 std::uint8_t* out) const;

  Predicate leaf_;
  Polarity polarity_;
  std::shared_ptr<const ValueCheck> check_;
};

}  // namespace granary::query
