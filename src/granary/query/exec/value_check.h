// ValueCheck: what one leaf of a predicate asks of one value, as a tight loop over a column.
//
// Place      PredicateLeaf adds nulls, negation, dictionaries and lists around it.
// Threads    immutable once built.
#pragma once

#include <cstdint>
#include <memory>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/types/predicate.h"

namespace granary::query {

class ValueCheck {
 public:
  virtual ~ValueCheck() = default;

  /// out[i] = whether values[first + i] satisfies the leaf, for i in [0, count). What stands in a
  /// null's place is unspecified. `wanted`, when given, says which rows matter: a costly check
  /// skips the others.
  virtual void Check(const arrow::Array& values, std::int64_t first, std::int64_t count,
                     const std::uint8_t* wanted, std::uint8_t* out) const = 0;

  /// Worth it to look only at wanted rows, and to be asked after the cheap leaves.
  virtual bool costly() const { return false; }
};

/// The check of a comparison, kIn or pattern leaf over values of `type` (a list's element type).
/// kInternal for a leaf that a binder cannot have made.
Result<std::unique_ptr<ValueCheck>> MakeValueCheck(const Predicate& leaf, const DataType& type);

/// Its parts: numbers, times and booleans; strings, binaries and uuids; patterns.
Result<std::unique_ptr<ValueCheck>> MakeNumberCheck(const Predicate& leaf, const DataType& type);
Result<std::unique_ptr<ValueCheck>> MakeBytesCheck(const Predicate& leaf, const DataType& type);
Result<std::unique_ptr<ValueCheck>> MakePatternCheck(const Predicate& leaf);

}  // namespace granary::query
