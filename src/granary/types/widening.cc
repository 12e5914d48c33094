#include "granary/types/widening.h"

#include <cmath>

#include <arrow/array.h>
#include <arrow/compute/cast.h>
#include <arrow/type.h>
#include <arrow/visit_data_inline.h>
#include <fmt/format.h>

namespace granary {
namespace {

int BitsOf(TypeKind kind) {
  switch (kind) {
    case TypeKind::kInt8:
    case TypeKind::kUInt8: return 8;
    case TypeKind::kInt16:
    case TypeKind::kUInt16: return 16;
    case TypeKind::kInt32:
    case TypeKind::kUInt32: return 32;
    case TypeKind::kInt64:
    case TypeKind::kUInt64: return 64;
    default: return 0;
  }
}

bool IsSafeInteger(const DataType& from, const DataType& to) {
  const int bits = BitsOf(from.kind());
  if (to.IsInteger()) {
    const int room = BitsOf(to.kind());
    if (from.IsUnsigned() == to.IsUnsigned()) return room >= bits;
    return from.IsUnsigned() && room > bits;
  }
  if (to.kind() == TypeKind::kFloat32) return bits <= 16;
  if (to.kind() == TypeKind::kFloat64) return bits <= 32;
  return to.kind() == TypeKind::kDecimal && to.precision() - to.scale() >= DigitsOf(from);
}

/// An int64 that is no double shows as a difference once it has been there and back.
template <typename ArrowType>
bool AllAreDoubles(const arrow::Array& array) {
  using Int = typename ArrowType::c_type;
  bool exact = true;
  arrow::VisitArraySpanInline<ArrowType>(
      *array.data(),
      [&](Int value) {
        const auto nearest = static_cast<double>(value);
        const double limit = std::ldexp(1.0, std::is_signed_v<Int> ? 63 : 64);
        exact = exact && nearest < limit && static_cast<Int>(nearest) == value;
      },
      [] {});
  return exact;
}

Status CheckExact(const arrow::Array& array, const DataType& from, const DataType& to) {
  if (to.kind() != TypeKind::kFloat64) return Status::Ok();
  const bool exact = from.kind() == TypeKind::kInt64    ? AllAreDoubles<arrow::Int64Type>(array)
                     : from.kind() == TypeKind::kUInt64 ? AllAreDoubles<arrow::UInt64Type>(array)
                                                        : true;
  if (exact) return Status::Ok();
  return {Code::kInvalidArgument,
          fmt::format("{} holds a value that is no float64", from.ToString())};
}

bool IsInstant(const DataType& type) {
  return type.kind() == TypeKind::kDate || type.kind() == TypeKind::kTimestamp;
}

constexpr std::int64_t kExactInFloat64 = std::int64_t{1} << 53;

bool IsExactInFloat64(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value))
    return *integer >= -kExactInFloat64 && *integer <= kExactInFloat64;
  const auto* natural = std::get_if<std::uint64_t>(&value);
  return natural != nullptr && *natural <= static_cast<std::uint64_t>(kExactInFloat64);
}

}  // namespace

Widening WideningOf(const DataType& from, const DataType& to) {
  if (IsSafeWidening(from, to)) return Widening::kAlways;
  if (from.IsInteger() && to.kind() == TypeKind::kFloat64) return Widening::kWhileExact;
  const bool finer = IsInstant(from) && to.kind() == TypeKind::kTimestamp &&
                     (from.kind() == TypeKind::kDate || from.unit() < to.unit());
  return finer ? Widening::kWhileExact : Widening::kNever;
}

bool HoldsBetween(const Value& min, const Value& max, const DataType& from, const DataType& to) {
  if (to.kind() == TypeKind::kFloat64) return IsExactInFloat64(min) && IsExactInFloat64(max);
  // A finer unit multiplies, so what lies between two instants that fit fits too.
  return ConvertValue(min, from, to).has_value() && ConvertValue(max, from, to).has_value();
}

int DigitsOf(const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kInt8:
    case TypeKind::kUInt8: return 3;
    case TypeKind::kInt16:
    case TypeKind::kUInt16: return 5;
    case TypeKind::kInt32:
    case TypeKind::kUInt32: return 10;
    case TypeKind::kInt64: return 19;
    case TypeKind::kUInt64: return 20;
    default: return 0;
  }
}

bool IsSafeWidening(const DataType& from, const DataType& to) {
  if (from == to) return true;
  if (from.IsInteger()) return IsSafeInteger(from, to);
  switch (from.kind()) {
    case TypeKind::kFloat32: return to.kind() == TypeKind::kFloat64;
    case TypeKind::kDecimal:
      return to.kind() == TypeKind::kDecimal && to.scale() >= from.scale() &&
             to.precision() - to.scale() >= from.precision() - from.scale();
    case TypeKind::kDate:  // 2^31 days fit into 64 bits of milliseconds, not of microseconds.
      return to.kind() == TypeKind::kTimestamp && to.unit() <= TimeUnit::kMilli;
    case TypeKind::kList:
      return to.kind() == TypeKind::kList && IsSafeWidening(from.element(), to.element());
    default: return false;
  }
}

Result<std::shared_ptr<arrow::Array>> WidenArray(const std::shared_ptr<arrow::Array>& array,
                                                 const DataType& from, const DataType& to) {
  const auto type = to.ToArrow();
  if (array->type()->Equals(*type)) return array;
  if (WideningOf(from, to) == Widening::kNever) {
    return Status::Internal(fmt::format("{} was to become {}", from.ToString(), to.ToString()));
  }
  GRANARY_TRY(CheckExact(*array, from, to));
  auto options = arrow::compute::CastOptions::Safe(type);
  options.allow_float_truncate = true;  // Arrow stops at 2^53; CheckExact looks at each value.
  auto cast = arrow::compute::Cast(array, options);
  if (!cast.ok()) return Status::Internal(cast.status().ToString());
  return cast.MoveValueUnsafe().make_array();
}

Result<std::shared_ptr<arrow::Array>> NarrowArray(const std::shared_ptr<arrow::Array>& array,
                                                  const DataType& from, const DataType& to) {
  const auto type = to.ToArrow();
  if (array->type()->Equals(*type)) return array;
  if (WideningOf(to, from) == Widening::kNever) {
    return Status::Internal(
        fmt::format("{} was to become {} again", from.ToString(), to.ToString()));
  }
  auto cast = arrow::compute::Cast(array, arrow::compute::CastOptions::Safe(type));
  if (!cast.ok()) return Status::Internal(cast.status().ToString());
  return cast.MoveValueUnsafe().make_array();
}

}  // namespace granary
