#include "granary/types/integer_domain.h"

#include <limits>

#include "granary/base/check.h"
#include "granary/types/number_text.h"

namespace granary {
namespace {

template <typename Int>
constexpr IntegerDomain Limits() {
  return {std::numeric_limits<Int>::min(), std::numeric_limits<Int>::max()};
}

}  // namespace

IntegerDomain DomainOf(const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kInt8: return Limits<std::int8_t>();
    case TypeKind::kInt16: return Limits<std::int16_t>();
    case TypeKind::kInt32: return Limits<std::int32_t>();
    case TypeKind::kUInt8: return Limits<std::uint8_t>();
    case TypeKind::kUInt16: return Limits<std::uint16_t>();
    case TypeKind::kUInt32: return Limits<std::uint32_t>();
    case TypeKind::kUInt64: return Limits<std::uint64_t>();
    case TypeKind::kDecimal: {
      const Int128 max = PowerOfTen(type.precision()) - 1;
      return {-max, max};
    }
    default: return Limits<std::int64_t>();
  }
}

Value MakeInteger(Int128 value, const DataType& type) {
  if (type.kind() == TypeKind::kDecimal) return value;
  if (type.IsUnsigned()) return static_cast<std::uint64_t>(value);
  return static_cast<std::int64_t>(value);
}

Int128 IntegerOf(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return *number;
  const auto* number = std::get_if<Int128>(&value);
  GRANARY_CHECK(number != nullptr, "value kind {}", value.index());
  return *number;
}

}  // namespace granary
