// Literal: a value as it stands in a request, before anything knows the column it is meant for.
// Numbers stay text, so that 9007199254740993 and 0.1 reach a decimal or int64 column exactly.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/types/data_type.h"
#include "granary/types/value.h"

namespace granary {

struct Literal {
  enum class Kind : std::uint8_t { kNull, kBool, kNumber, kString, kList, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  std::string text;            ///< A number's JSON text, a string's value, an object's JSON text.
  std::vector<Literal> items;  ///< Of a list.

  bool operator==(const Literal&) const = default;
};

/// Where a literal falls in a column's domain, exactly. For a literal that the domain lacks (1.5
/// for an int64, 300 for an int8, 0.125 for a decimal(5,2)) `below` and `above` are its neighbours
/// in the domain, null at the ends: x > 1.5 is x >= above.
struct BoundLiteral {
  bool exact = true;
  Value value;  ///< When exact.
  Value below;  ///< When not: the greatest domain value under the literal, or null.
  Value above;  ///< When not: the least domain value over it, or null.
};

/// Checks a literal against a column's type. Accepted: numbers for numeric types (a fraction that
/// no float32 shows as, nor is, lies between two of them), strings for decimals only when written as plain decimals, as they go out, and
/// "NaN"/"Infinity"/"-Infinity" for floats; strings for string, binary (base64), uuid (any case,
/// with or without dashes), date, timestamp (finer than the unit: not exact), time; booleans for
/// bool. An integer literal is exact for floats too, or lies between two of them. A date takes any
/// instant; instants are of the years 0001 to 9999 in UTC. For list<T> it is T's literal.
/// kInvalidLiteral says what was found and what is expected.
Result<BoundLiteral> BindLiteral(const Literal& literal, const DataType& type);

}  // namespace granary
