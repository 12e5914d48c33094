// ConvertValue (value.h): one value from one type's domain into another's, or nothing.
#include <array>
#include <charconv>
#include <cmath>

#include "granary/types/integer_domain.h"
#include "granary/types/number_text.h"
#include "granary/types/value.h"

namespace granary {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;

bool IsExactNumber(const DataType& type) {
  return type.IsInteger() || type.kind() == TypeKind::kDecimal;
}

int ScaleOf(const DataType& type) { return type.kind() == TypeKind::kDecimal ? type.scale() : 0; }

/// unscaled * 10^by, when it is an integer below 10^38.
std::optional<Int128> Rescale(Int128 unscaled, int by) {
  if (by < 0) {
    const Int128 power = PowerOfTen(-by);
    return unscaled % power == 0 ? std::optional(unscaled / power) : std::nullopt;
  }
  const Int128 power = PowerOfTen(by);
  const Int128 limit = PowerOfTen(kPowerOfTenMax) / power;
  if (unscaled >= limit || unscaled <= -limit) return std::nullopt;
  return unscaled * power;
}

/// value * 10^scale, when it is an integer below 10^38.
std::optional<Int128> ScaleDouble(double value, int scale) {
  // A double with n bits behind the point has n decimal digits there; more than 38 are never held.
  const double shifted = std::ldexp(value, kPowerOfTenMax);
  if (!std::isfinite(shifted) || shifted != std::trunc(shifted)) return std::nullopt;
  std::array<char, 512> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                 std::chars_format::fixed, kPowerOfTenMax)
                       .ptr;
  const auto scaled = ScaleNumber({text.data(), end}, scale);
  if (!scaled.exact || scaled.out_of_range != 0) return std::nullopt;
  return scaled.floor;
}

std::optional<Value> InDomain(std::optional<Int128> number, const DataType& to) {
  if (!number || !DomainOf(to).Has(*number)) return std::nullopt;
  return MakeInteger(*number, to);
}

std::optional<Value> ExactToFloat(Int128 unscaled, int scale, const DataType& to) {
  std::string text;
  AppendDecimal(unscaled, scale, text);
  const double nearest = to.kind() == TypeKind::kFloat32 ? NearestFloat(text) : NearestDouble(text);
  if (ScaleDouble(nearest, scale) != unscaled) return std::nullopt;
  return Value(nearest);
}

std::optional<Value> ConvertNumber(const Value& value, const DataType& from, const DataType& to) {
  if (IsExactNumber(from)) {
    const Int128 unscaled = IntegerOf(value);
    if (to.IsFloat()) return ExactToFloat(unscaled, ScaleOf(from), to);
    return InDomain(Rescale(unscaled, ScaleOf(to) - ScaleOf(from)), to);
  }
  const double number = std::get<double>(value);
  if (!to.IsFloat()) return InDomain(ScaleDouble(number, ScaleOf(to)), to);
  const bool narrows = to.kind() == TypeKind::kFloat32 && !std::isnan(number);
  if (narrows && static_cast<double>(static_cast<float>(number)) != number) return std::nullopt;
  return value;
}

Int128 NanosPerUnit(const DataType& type) {
  const std::int64_t second = UnitsPerSecond(TimeUnit::kNano);
  if (type.kind() == TypeKind::kDate) return Int128{kSecondsPerDay} * second;
  return second / UnitsPerSecond(type.unit());
}

std::optional<Value> ConvertInstant(std::int64_t value, const DataType& from, const DataType& to) {
  const Int128 nanos = value * NanosPerUnit(from);
  if (nanos % NanosPerUnit(to) != 0) return std::nullopt;
  const Int128 converted = nanos / NanosPerUnit(to);
  const DataType stored = to.kind() == TypeKind::kDate ? TypeKind::kInt32 : TypeKind::kInt64;
  if (!DomainOf(stored).Has(converted)) return std::nullopt;
  return Value(static_cast<std::int64_t>(converted));
}

bool IsInstant(const DataType& type) {
  return type.kind() == TypeKind::kDate || type.kind() == TypeKind::kTimestamp;
}

}  // namespace

std::optional<Value> ConvertValue(const Value& value, const DataType& from, const DataType& to) {
  if (IsNull(value) || from == to) return value;
  if (from.IsNumeric() && to.IsNumeric()) return ConvertNumber(value, from, to);
  if (IsInstant(from) && IsInstant(to)) {
    return ConvertInstant(std::get<std::int64_t>(value), from, to);
  }
  return std::nullopt;
}

}  // namespace granary
