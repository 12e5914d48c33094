#include "granary/api/proto_value.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <arrow/array.h>
#include <fmt/format.h>
#include <storage.pb.h>

#include "granary/api/json_node.h"
#include "granary/base/append_format.h"
#include "granary/base/base64.h"
#include "granary/base/int128.h"
#include "granary/base/utf8.h"
#include "granary/json/batch_writer.h"
#include "granary/types/time_text.h"
#include "granary/types/uuid_text.h"

namespace granary::api {
namespace {

constexpr std::int64_t kMicrosPerDay = std::int64_t{24} * 3600 * 1'000'000;

using Problem = std::optional<std::string>;

std::optional<TimeUnit> UnitOf(v1::TimeUnit unit) {
  switch (unit) {
    case v1::TIME_UNIT_SECOND: return TimeUnit::kSecond;
    case v1::TIME_UNIT_MILLISECOND: return TimeUnit::kMilli;
    case v1::TIME_UNIT_MICROSECOND: return TimeUnit::kMicro;
    case v1::TIME_UNIT_NANOSECOND: return TimeUnit::kNano;
    default: return std::nullopt;
  }
}

v1::TimeUnit ProtoUnit(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kSecond: return v1::TIME_UNIT_SECOND;
    case TimeUnit::kMilli: return v1::TIME_UNIT_MILLISECOND;
    case TimeUnit::kMicro: return v1::TIME_UNIT_MICROSECOND;
    case TimeUnit::kNano: break;
  }
  return v1::TIME_UNIT_NANOSECOND;
}

Problem AppendInstant(const v1::Timestamp& timestamp, std::string& out) {
  const auto unit = UnitOf(timestamp.unit());
  if (!unit) return "the timestamp has no unit that is known";
  out.push_back('"');
  AppendTimestamp(timestamp.value(), *unit, out);
  out.push_back('"');
  return std::nullopt;
}

Problem AppendTimeOfDay(std::int64_t micros, std::string& out) {
  if (micros < 0 || micros >= kMicrosPerDay) {
    return fmt::format("expected a time from 0 to {} microseconds, found {}", kMicrosPerDay - 1,
                       micros);
  }
  out.push_back('"');
  AppendTime(micros, out);
  out.push_back('"');
  return std::nullopt;
}

Problem AppendUuidText(const std::string& bytes, std::string& out) {
  if (bytes.size() != kUuidBytes) return fmt::format("a UUID has 16 bytes, found {}", bytes.size());
  out.push_back('"');
  AppendUuid(bytes, out);
  out.push_back('"');
  return std::nullopt;
}

Problem AppendDecimalText(const std::string& digits, ValueUse use, std::string& out) {
  if (!IsDecimalText(digits))
    return fmt::format("expected a decimal such as -12.50, found '{}'", Quotable(digits));
  if (use == ValueUse::kLiteral)
    out.append(digits);
  else
    json::AppendString(digits, out);
  return std::nullopt;
}

// Parsed and written anew, so that whatever the text is, what surrounds it stays as it is.
Problem AppendDocument(const std::string& text, std::string& out) {
  const auto holder = ParseJsonObject("{\"v\":" + text + "}", kJsonDepthMax);
  if (!holder.ok() || holder->members.size() != 1 || text.empty())
    return "expected the text of one JSON value";
  AppendJson(holder->members[0].value, out);
  return std::nullopt;
}

Problem AppendItems(const v1::ListValue& list, ValueUse use, std::string& out) {
  out.push_back('[');
  for (int i = 0; i < list.values_size(); ++i) {
    if (i > 0) out.push_back(',');
    if (auto wrong = AppendProtoValue(list.values(i), use, out))
      return fmt::format("element {}: {}", i, *wrong);
  }
  out.push_back(']');
  return std::nullopt;
}

Problem AppendTextValue(const std::string& text, std::string& out) {
  json::AppendString(text, out);
  return std::nullopt;
}

// To the last digit where it is whole: its shortest text, 1.152921504606847e+18, is another number to
// an integer, a decimal or a document. Past 10^38 none of these holds it.
bool NeedsAllDigits(double value) {
  constexpr double kPlainMax = 1e16, kDigitsMax = 1e38;  // Below the first the shortest has them.
  return std::abs(value) >= kPlainMax && std::abs(value) < kDigitsMax;
}
void AppendAllDigits(double whole, std::string& out) {
  out.append(ToString(static_cast<Int128>(whole))).append(".0");
}
void AppendTypedFloat(double value, std::string& out) {
  NeedsAllDigits(value) ? AppendAllDigits(value, out) : json::AppendDouble(value, out);
}
void AppendTypedFloat(float value, std::string& out) {
  NeedsAllDigits(value) ? AppendAllDigits(value, out) : json::AppendFloat(value, out);
}

void SetInteger(std::int64_t value, const DataType& type, v1::Value& out) {
  switch (type.kind()) {
    case TypeKind::kDate: return out.set_date_value(static_cast<std::int32_t>(value));
    case TypeKind::kTime: return out.set_time_value(value);
    case TypeKind::kTimestamp: {
      v1::Timestamp& timestamp = *out.mutable_timestamp_value();
      timestamp.set_value(value);
      timestamp.set_unit(ProtoUnit(type.unit()));
      return;
    }
    default: return out.set_int64_value(value);
  }
}

void SetBytes(const std::string& bytes, const DataType& type, v1::Value& out) {
  switch (type.kind()) {
    case TypeKind::kBinary: return out.set_binary_value(bytes);
    case TypeKind::kUuid: return out.set_uuid_value(bytes);
    case TypeKind::kJson: return out.set_json_value(bytes);
    default: return out.set_string_value(bytes);
  }
}

}  // namespace

bool IsDecimalText(std::string_view text) {
  const auto digits = [&text] {
    const std::size_t n = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(n);
    return n;
  };
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool zero = text.starts_with('0');
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (!text.starts_with('.')) return text.empty();
  text.remove_prefix(1);
  return digits() > 0 && text.empty();
}

std::optional<std::string> AppendProtoValue(const v1::Value& value, ValueUse use,
                                            std::string& out) {
  switch (value.kind_case()) {
    case v1::Value::kNullValue: out.append("null"); return std::nullopt;
    case v1::Value::kBoolValue: out.append(value.bool_value() ? "true" : "false"); return {};
    case v1::Value::kInt64Value: AppendFormat(out, "{}", value.int64_value()); return std::nullopt;
    case v1::Value::kUint64Value:
      AppendFormat(out, "{}", value.uint64_value());
      return std::nullopt;
    case v1::Value::kFloat64Value: AppendTypedFloat(value.float64_value(), out); return {};
    case v1::Value::kFloat32Value: AppendTypedFloat(value.float32_value(), out); return {};
    case v1::Value::kStringValue: return AppendTextValue(value.string_value(), out);
    case v1::Value::kBinaryValue: return AppendTextValue(Base64Encode(value.binary_value()), out);
    case v1::Value::kDecimalValue: return AppendDecimalText(value.decimal_value(), use, out);
    case v1::Value::kTimestampValue: return AppendInstant(value.timestamp_value(), out);
    case v1::Value::kDateValue:
      out.push_back('"');
      AppendDate(value.date_value(), out);
      out.push_back('"');
      return std::nullopt;
    case v1::Value::kTimeValue: return AppendTimeOfDay(value.time_value(), out);
    case v1::Value::kUuidValue: return AppendUuidText(value.uuid_value(), out);
    case v1::Value::kJsonValue: return AppendDocument(value.json_value(), out);
    case v1::Value::kListValue: return AppendItems(value.list_value(), use, out);
    case v1::Value::KIND_NOT_SET: break;
  }
  return "the value has no kind that this version knows";
}

void SetProtoValue(const Value& value, const DataType& type, v1::Value& out) {
  if (IsNull(value)) {
    out.set_null_value(v1::NULL_VALUE);
  } else if (const auto* boolean = std::get_if<bool>(&value)) {
    out.set_bool_value(*boolean);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    SetInteger(*integer, type, out);
  } else if (const auto* natural = std::get_if<std::uint64_t>(&value)) {
    out.set_uint64_value(*natural);
  } else if (const auto* number = std::get_if<double>(&value)) {
    if (type.kind() == TypeKind::kFloat32)
      out.set_float32_value(static_cast<float>(*number));
    else
      out.set_float64_value(*number);
  } else if (std::holds_alternative<Int128>(value)) {
    out.set_decimal_value(ValueToText(value, type));
  } else {
    SetBytes(std::get<std::string>(value), type, out);
  }
}

void SetProtoValue(const arrow::Array& array, std::int64_t row, const DataType& type,
                   v1::Value& out) {
  if (type.kind() != TypeKind::kList || array.IsNull(row))
    return SetProtoValue(ValueAt(array, row), type, out);
  const auto& list = static_cast<const arrow::ListArray&>(array);
  v1::ListValue& values = *out.mutable_list_value();
  for (std::int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i)
    SetProtoValue(*list.values(), i, type.element(), *values.add_values());
}

}  // namespace granary::api
