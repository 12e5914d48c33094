// One Value of the gRPC API to JSON text and back from a column.
//
// Internal to api: it names the generated messages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "granary/types/data_type.h"
#include "granary/types/value.h"

namespace granary::v1 {
class Value;
}

namespace granary::api {

/// Of JSON inside a message; the reader of the body has the last word.
inline constexpr std::size_t kJsonDepthMax = 1000;

/// In a record a decimal is a string, as REST writes it; in a filter a number, which compares with
/// every numeric column.
enum class ValueUse : std::uint8_t { kRecord, kLiteral };

/// Appends the value as JSON; else what is wrong with it.
std::optional<std::string> AppendProtoValue(const v1::Value& value, ValueUse use, std::string& out);

/// True for ^-?[0-9]+(\.[0-9]+)?$ without needless zeroes in front: also a JSON number.
bool IsDecimalText(std::string_view text);

void SetProtoValue(const Value& value, const DataType& type, v1::Value& out);
/// The value at `row` of an array of the column's Arrow type, lists too.
void SetProtoValue(const arrow::Array& array, std::int64_t row, const DataType& type,
                   v1::Value& out);

}  // namespace granary::api
