#include "granary/query/exec/common_type.h"

#include <algorithm>

#include "granary/types/widening.h"

namespace granary::query {
namespace {

struct Digits {
  int whole = 0;
  int fraction = 0;
};

Digits DigitsBoth(const DataType& type) {
  if (type.kind() == TypeKind::kDecimal) return {type.precision() - type.scale(), type.scale()};
  return {DigitsOf(type), 0};
}

std::optional<DataType> CommonExact(const DataType& a, const DataType& b) {
  if (IsSafeWidening(a, b)) return b;
  if (IsSafeWidening(b, a)) return a;
  const bool in_int64 = a.IsInteger() && b.IsInteger() && a.kind() != TypeKind::kUInt64 &&
                        b.kind() != TypeKind::kUInt64;
  if (in_int64) return DataType(TypeKind::kInt64);
  const Digits left = DigitsBoth(a);
  const Digits right = DigitsBoth(b);
  const int whole = std::max(left.whole, right.whole);
  const int fraction = std::max(left.fraction, right.fraction);
  if (whole + fraction > kDecimalPrecisionMax) return std::nullopt;
  return DataType::Decimal(whole + fraction, fraction);
}

bool IsInstant(const DataType& type) {
  return type.kind() == TypeKind::kDate || type.kind() == TypeKind::kTimestamp;
}

}  // namespace

std::optional<DataType> CommonType(const DataType& a, const DataType& b) {
  if (a == b) return a;
  if (a.IsNumeric() && b.IsNumeric()) {
    if (a.IsFloat() || b.IsFloat()) return DataType(TypeKind::kFloat64);
    return CommonExact(a, b);
  }
  if (IsInstant(a) && IsInstant(b)) {
    if (a.kind() == TypeKind::kDate) return b;
    if (b.kind() == TypeKind::kDate) return a;
    return DataType::Timestamp(std::max(a.unit(), b.unit()));
  }
  return std::nullopt;
}

}  // namespace granary::query
