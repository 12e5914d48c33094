#include "granary/types/literal.h"

#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "granary/base/base64.h"
#include "granary/base/utf8.h"
#include "granary/types/integer_domain.h"
#include "granary/types/number_text.h"
#include "granary/types/time_text.h"
#include "granary/types/uuid_text.h"
#include "granary/types/year_range.h"

namespace granary {
namespace {

std::string Shown(const Literal& literal) {
  switch (literal.kind) {
    case Literal::Kind::kNull: return "null";
    case Literal::Kind::kBool: return literal.boolean ? "true" : "false";
    case Literal::Kind::kNumber: return fmt::format("number {}", Quotable(literal.text));
    case Literal::Kind::kString: return fmt::format("string \"{}\"", Quotable(literal.text));
    case Literal::Kind::kList: return "an array";
    case Literal::Kind::kObject: return "an object";
  }
  return "?";
}

Status Mismatch(const Literal& literal, const DataType& type, std::string_view form = {}) {
  return {Code::kInvalidLiteral, fmt::format("expected {}{}{}, found {}", type.ToString(),
                                             form.empty() ? "" : " ", form, Shown(literal))};
}

BoundLiteral Exact(Value value) { return {true, std::move(value), {}, {}}; }

/// Between two integers of the domain: floor and floor + 1, cut at the domain's ends.
BoundLiteral Between(Int128 floor, const IntegerDomain& domain, const DataType& type) {
  BoundLiteral bound{false, {}, {}, {}};
  if (floor >= domain.min) bound.below = MakeInteger(std::min(floor, domain.max), type);
  if (floor < domain.max) bound.above = MakeInteger(std::max(floor + 1, domain.min), type);
  return bound;
}

BoundLiteral BindInteger(Int128 floor, bool exact, const IntegerDomain& domain,
                         const DataType& type) {
  if (exact && domain.Has(floor)) return Exact(MakeInteger(floor, type));
  return Between(floor, domain, type);
}

BoundLiteral BindExactNumber(std::string_view text, const DataType& type) {
  const IntegerDomain domain = DomainOf(type);
  const int scale = type.kind() == TypeKind::kDecimal ? type.scale() : 0;
  const ScaledNumber scaled = ScaleNumber(text, scale);
  if (scaled.out_of_range < 0) return Between(domain.min - 1, domain, type);
  if (scaled.out_of_range > 0) return Between(domain.max, domain, type);
  return BindInteger(scaled.floor, scaled.exact, domain, type);
}

/// The next float in the column's own precision.
double Next(double value, double toward, const DataType& type) {
  if (type.kind() == TypeKind::kFloat64) return std::nextafter(value, toward);
  return std::nextafter(static_cast<float>(value), static_cast<float>(toward));
}

BoundLiteral BindFloat(const std::string& text, const DataType& type) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nearest =
      type.kind() == TypeKind::kFloat32 ? NearestFloat(text) : NearestDouble(text);
  if (std::isinf(nearest)) {
    const double largest = Next(nearest, 0, type);
    return {false, {}, std::min(nearest, largest), std::max(nearest, largest)};
  }
  // An integer is meant exactly; a fraction means the double that it is written for, or the float32
  // that shows so, or is that double.
  std::string shown;
  if (IsPlainInteger(text)) {
    shown = fmt::format("{:.0f}", nearest);
  } else if (type.kind() == TypeKind::kFloat32 && NearestDouble(text) != nearest) {
    shown = fmt::format("{}", static_cast<float>(nearest));
  } else {
    return Exact(nearest);
  }
  const auto order = CompareNumbers(shown, text);
  if (order == 0) return Exact(nearest);
  if (order < 0) return {false, {}, nearest, Next(nearest, infinity, type)};
  return {false, {}, Next(nearest, -infinity, type), nearest};
}

std::optional<double> SpecialFloat(std::string_view text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

Result<BoundLiteral> BindNumber(const Literal& literal, const DataType& type) {
  const std::string& text = literal.text;
  if (literal.kind == Literal::Kind::kNumber && IsJsonNumber(text)) {
    return type.IsFloat() ? BindFloat(text, type) : BindExactNumber(text, type);
  }
  if (literal.kind == Literal::Kind::kString) {
    if (type.kind() == TypeKind::kDecimal && IsPlainDecimal(text))
      return BindExactNumber(text, type);
    if (type.IsFloat()) {
      if (const auto special = SpecialFloat(text)) return Exact(*special);
    }
  }
  return Mismatch(literal, type);
}

/// An instant in units since 1970, or between two of them.
BoundLiteral BindInstant(const Instant& instant, Int128 units_per_second, const DataType& type) {
  const IntegerDomain domain = DomainOf(TypeKind::kInt64);
  const auto nanos_per_unit = static_cast<std::uint32_t>(1'000'000'000 / units_per_second);
  const Int128 floor = instant.seconds * units_per_second + instant.nanos / nanos_per_unit;
  const bool exact = !instant.finer && instant.nanos % nanos_per_unit == 0;
  return BindInteger(floor, exact, domain, type);
}

/// Any instant, so that a date column can be compared with a timestamp: it lies between two days.
BoundLiteral BindDate(const Instant& instant, const DataType& type) {
  const std::int64_t rest = (instant.seconds % kSecondsPerDay + kSecondsPerDay) % kSecondsPerDay;
  const bool exact = rest == 0 && instant.nanos == 0 && !instant.finer;
  return BindInteger((instant.seconds - rest) / kSecondsPerDay, exact, DomainOf(TypeKind::kInt32),
                     type);
}

/// After 23:59:59.999999 no time follows.
BoundLiteral BindTime(const Instant& time, const DataType& type) {
  const Int128 last = Int128{kSecondsPerDay} * 1'000'000 - 1;
  const Int128 floor = Int128{time.seconds} * 1'000'000 + time.nanos / 1'000;
  return BindInteger(floor, !time.finer && time.nanos % 1'000 == 0, {0, last}, type);
}

/// The same of a date or timestamp column's literal, which has to be one that could be stored.
Result<BoundLiteral> BindMoment(const Literal& literal, const DataType& type) {
  const bool is_date = type.kind() == TypeKind::kDate;
  const auto instant = ParseInstant(literal.text);
  if (!instant)
    return Mismatch(literal, type, is_date ? "as 2024-01-15" : "as 2024-01-15T10:00:00Z");
  if (!IsInYears(instant->seconds))
    return Mismatch(literal, type, "in the years 0001 to 9999 in UTC");
  return is_date ? BindDate(*instant, type)
                 : BindInstant(*instant, UnitsPerSecond(type.unit()), type);
}

Result<BoundLiteral> BindString(const Literal& literal, const DataType& type) {
  if (literal.kind != Literal::Kind::kString) return Mismatch(literal, type);
  switch (type.kind()) {
    case TypeKind::kString: return Exact(literal.text);
    case TypeKind::kBinary:
      if (auto bytes = Base64Decode(literal.text)) return Exact(*std::move(bytes));
      return Mismatch(literal, type, "as base64");
    case TypeKind::kUuid:
      if (auto bytes = ParseUuid(literal.text)) return Exact(*std::move(bytes));
      return Mismatch(literal, type);
    case TypeKind::kDate:
    case TypeKind::kTimestamp: return BindMoment(literal, type);
    default:
      if (const auto time = ParseTimeOfDay(literal.text)) return BindTime(*time, type);
      return Mismatch(literal, type, "as 10:00:00");
  }
}

}  // namespace

Result<BoundLiteral> BindLiteral(const Literal& literal, const DataType& type) {
  if (literal.kind == Literal::Kind::kNull) return Exact(Value{});
  switch (type.kind()) {
    case TypeKind::kList: return BindLiteral(literal, type.element());  // A leaf asks the elements.
    case TypeKind::kBool:
      if (literal.kind != Literal::Kind::kBool) return Mismatch(literal, type);
      return Exact(literal.boolean);
    case TypeKind::kJson:  // Documents have no order, and 1 equals 1.0 inside them but not by
                           // bytes.
      return Status(Code::kInvalidLiteral,
                    "a json column is compared at a path inside it, or with null");
    default: return type.IsNumeric() ? BindNumber(literal, type) : BindString(literal, type);
  }
}

}  // namespace granary
