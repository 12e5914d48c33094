// Predicate: a filter bound to one schema: columns by id, literals in the column's own domain. Low
// in the tree so that storage can prune by it without knowing requests or queries.
//
// Logic      SQL's three values. A leaf over a null is unknown, except kIsNull. A list column's
//            leaf is true when any element makes it true, false when none does (also for an
//            empty list), unknown for a null list;
//            kIsNull asks the list itself.
// Threads    immutable once built.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "granary/types/literal.h"
#include "granary/types/schema.h"
#include "granary/types/value.h"

namespace granary {

class PatternProgram;

struct Predicate {
  enum class Kind : std::uint8_t {
    kAnd,
    kOr,
    kNot,
    kConstant,   ///< `constant`, whatever the row.
    kNotNullIs,  ///< `constant` where the column is not null, unknown where it is.
    kIsNull,
    kEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,  ///< values[0]
    kBetween,  ///< values[0] to values[1], both of them in; of list columns and in JSON, where two
               ///< leaves could be true of two elements.
    kIn,       ///< values, sorted by Compare and distinct; `in_has_null`: not found is unknown.
    kLike,
    kILike,
    kStartsWith,
    kEndsWith,
    kContains,
    kRegex,  ///< `pattern`, on strings.
  };

  Kind kind = Kind::kConstant;
  std::vector<Predicate> children;  ///< kAnd, kOr (any number), kNot (one).

  ColumnId column = kSequenceColumnId;
  DataType type;  ///< The column's.
  std::vector<Value> values;
  bool constant = true;
  bool in_has_null = false;
  std::string pattern;
  /// Of kRegex and kILike, where the pattern was compiled already (types/pattern_program.h).
  std::shared_ptr<const PatternProgram> program = {};

  /// Inside a JSON column: the keys that lead to the value; empty for the column itself. Then
  /// `json` holds the literals (values is empty): a literal matches only values of its own kind.
  std::vector<std::string> path;
  std::vector<Literal> json;

  static Predicate Constant(bool value);
  static Predicate And(std::vector<Predicate> children);  ///< Flattens; And({}) is true.
  static Predicate Or(std::vector<Predicate> children);   ///< Flattens; Or({}) is false.
  static Predicate Not(Predicate child);

  /// "amount > 1.5 AND region IN ('eu', 'us')", with column names from `schema`.
  std::string ToString(const Schema& schema) const;
  /// The columns it reads, ascending, each once.
  std::vector<ColumnId> Columns() const;
};

}  // namespace granary
