// Value: one value in a column's own domain (see the table in data_type.h), or null. Statistics,
// bound predicates, partition values and group keys are made of these.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include <arrow/type_fwd.h>

#include "granary/base/bytes.h"
#include "granary/base/int128.h"
#include "granary/base/status.h"
#include "granary/types/data_type.h"

namespace granary {

using Value =
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, Int128, std::string>;

inline bool IsNull(const Value& value) { return value.index() == 0; }

/// Orders two values of one column: by number, by bytes; NaN above all numbers and equal to itself;
/// -0.0 equal to 0.0; null above everything (so that nulls sort last).
std::weak_ordering Compare(const Value& a, const Value& b);

/// The value at `row` of an array of the column's Arrow type. A list gives null.
Value ValueAt(const arrow::Array& array, std::int64_t row);
/// An array of `length` copies of `value`, in the type's Arrow shape.
Result<std::shared_ptr<arrow::Array>> MakeConstantArray(const DataType& type, const Value& value,
                                                        std::int64_t length);

/// The same value in a wider type's domain (int32 -> int64 -> decimal, int -> float64, a finer time
/// unit, date -> timestamp); nothing when it cannot be held exactly.
std::optional<Value> ConvertValue(const Value& value, const DataType& from, const DataType& to);

/// Text for logs, dumps and partition paths: 42, 1.5, 2024-01-15T00:00:00Z, hex for binary; "null".
std::string ValueToText(const Value& value, const DataType& type);

/// Self-describing bytes for manifests; decode checks every length.
void EncodeValue(const Value& value, std::string& out);
Result<Value> DecodeValue(ByteReader& in);

}  // namespace granary
