#include "granary/formats/to_floats.h"

#include <cmath>
#include <concepts>

#include <arrow/api.h>
#include <arrow/compute/cast.h>
#include <arrow/visit_type_inline.h>
#include <fmt/format.h>

#include "granary/base/int128.h"
#include "granary/formats/arrow_status.h"

namespace granary::formats {
namespace {

template <typename From, typename To>
bool IsKept(From from, To to) {
  if constexpr (std::integral<From>) {
    // Every float that an integer of 64 bits is nearest to is far below 2^127.
    return static_cast<Int128>(to) == static_cast<Int128>(from);
  } else {
    return std::isfinite(to) || !std::isfinite(from);
  }
}

template <typename FromArray, typename ToArray>
Status CheckKept(const arrow::Array& from, const arrow::Array& to, const DataType& type) {
  const auto& before = static_cast<const FromArray&>(from);
  const auto& after = static_cast<const ToArray&>(to);
  for (std::int64_t row = 0; row < before.length(); ++row) {
    if (before.IsValid(row) && !IsKept(before.Value(row), after.Value(row)))
      return {Code::kInvalidRecord, fmt::format("{} is no {}", before.Value(row), type.ToString())};
  }
  return Status::Ok();
}

template <typename FromArray>
Status CheckKept(const arrow::Array& from, const arrow::Array& to, const DataType& type) {
  return type.kind() == TypeKind::kFloat32
             ? CheckKept<FromArray, arrow::FloatArray>(from, to, type)
             : CheckKept<FromArray, arrow::DoubleArray>(from, to, type);
}

/// A decimal without places is a whole number, which may be beyond every float of 64 bits.
template <typename ToArray>
Status CheckWholeKept(const arrow::Array& from, const arrow::Array& to, const DataType& type) {
  const auto& before = static_cast<const arrow::Decimal128Array&>(from);
  const auto& after = static_cast<const ToArray&>(to);
  for (std::int64_t row = 0; row < before.length(); ++row) {
    if (before.IsNull(row)) continue;
    // At most 10^38, so that the nearest float is below 2^127.
    const arrow::Decimal128 value(before.GetValue(row));
    const auto nearest = static_cast<Int128>(after.Value(row));
    const arrow::Decimal128 back(static_cast<std::int64_t>(nearest >> 64),
                                 static_cast<std::uint64_t>(nearest));
    if (value != back)
      return {Code::kInvalidRecord,
              fmt::format("{} is no {}", value.ToIntegerString(), type.ToString())};
  }
  return Status::Ok();
}

Status CheckDecimalKept(const arrow::Array& from, const arrow::Array& to, const DataType& type) {
  if (static_cast<const arrow::Decimal128Type&>(*from.type()).scale() != 0) return Status::Ok();
  return type.kind() == TypeKind::kFloat32 ? CheckWholeKept<arrow::FloatArray>(from, to, type)
                                           : CheckWholeKept<arrow::DoubleArray>(from, to, type);
}

/// Smaller types are floats, all of them.
Status CheckAllKept(const arrow::Array& from, const arrow::Array& to, const DataType& type) {
  switch (from.type_id()) {
    case arrow::Type::INT32: return CheckKept<arrow::Int32Array>(from, to, type);
    case arrow::Type::INT64: return CheckKept<arrow::Int64Array>(from, to, type);
    case arrow::Type::UINT32: return CheckKept<arrow::UInt32Array>(from, to, type);
    case arrow::Type::UINT64: return CheckKept<arrow::UInt64Array>(from, to, type);
    case arrow::Type::DOUBLE: return CheckKept<arrow::DoubleArray>(from, to, type);
    case arrow::Type::DECIMAL128: return CheckDecimalKept(from, to, type);
    default: return Status::Ok();
  }
}

}  // namespace

Result<std::shared_ptr<arrow::Array>> ToFloats(const std::shared_ptr<arrow::Array>& array,
                                               const DataType& to, arrow::MemoryPool* pool) {
  auto options = arrow::compute::CastOptions::Safe(to.ToArrow());
  options.allow_float_truncate = true;  // Arrow's own check refuses whole numbers that are floats.
  arrow::compute::ExecContext context(pool);
  auto floats = arrow::compute::Cast(*array, to.ToArrow(), options, &context);
  GRANARY_TRY(FromArrowStatus(floats.status()));
  GRANARY_TRY(CheckAllKept(*array, **floats, to));
  return floats.MoveValueUnsafe();
}

}  // namespace granary::formats
