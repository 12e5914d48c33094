#include "granary/types/value.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "granary/types/integer_domain.h"
#include "granary/types/number_text.h"
#include "granary/types/time_text.h"
#include "granary/types/uuid_text.h"

namespace granary {
namespace {

std::weak_ordering CompareDoubles(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) <=> std::isnan(b);
  return a < b   ? std::weak_ordering::less
         : a > b ? std::weak_ordering::greater
                 : std::weak_ordering::equivalent;
}

template <typename ArrayType, typename Stored>
Value Element(const arrow::Array& array, std::int64_t row) {
  return static_cast<Stored>(static_cast<const ArrayType&>(array).Value(row));
}

template <typename ArrayType>
Value BytesElement(const arrow::Array& array, std::int64_t row) {
  return std::string(static_cast<const ArrayType&>(array).GetView(row));
}

Value DecimalElement(const arrow::Array& array, std::int64_t row) {
  const arrow::Decimal128 decimal(static_cast<const arrow::Decimal128Array&>(array).GetValue(row));
  return static_cast<Int128>(decimal.high_bits()) << 64 | static_cast<Int128>(decimal.low_bits());
}

Value DictionaryElement(const arrow::Array& array, std::int64_t row) {
  const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
  return ValueAt(*coded.dictionary(), coded.GetValueIndex(row));
}

arrow::Decimal128 ToArrowDecimal(Int128 value) {
  return {static_cast<std::int64_t>(value >> 64), static_cast<std::uint64_t>(value)};
}

using MadeScalar = arrow::Result<std::shared_ptr<arrow::Scalar>>;

MadeScalar IntegerScalar(const DataType& type, const Value& value) {
  if (!DomainOf(type).Has(IntegerOf(value))) return arrow::Status::Invalid("out of range");
  if (type.IsUnsigned())
    return arrow::MakeScalar(std::get<std::uint64_t>(value))->CastTo(type.ToArrow());
  return arrow::MakeScalar(std::get<std::int64_t>(value))->CastTo(type.ToArrow());
}

MadeScalar TemporalScalar(const DataType& type, std::int64_t value) {
  if (type.kind() != TypeKind::kDate) return arrow::MakeScalar(type.ToArrow(), value);
  if (!DomainOf(TypeKind::kInt32).Has(value)) return arrow::Status::Invalid("out of range");
  return arrow::MakeScalar(type.ToArrow(), static_cast<std::int32_t>(value));
}

MadeScalar BytesScalar(const DataType& type, const std::string& bytes) {
  const bool wrong = type.kind() == TypeKind::kUuid && bytes.size() != kUuidBytes;
  if (wrong) return arrow::Status::Invalid("a uuid of another length");
  return arrow::MakeScalar(type.ToArrow(), arrow::Buffer::FromString(bytes));
}

MadeScalar DecimalScalar(const DataType& type, Int128 unscaled) {
  if (!DomainOf(type).Has(unscaled)) return arrow::Status::Invalid("out of range");
  return std::make_shared<arrow::Decimal128Scalar>(ToArrowDecimal(unscaled), type.ToArrow());
}

/// Which alternative of Value a type's values are; npos for a list.
std::size_t AlternativeOf(const DataType& type) {
  if (type.kind() == TypeKind::kList) return std::variant_npos;
  if (type.kind() == TypeKind::kBool) return Value(false).index();
  if (type.kind() == TypeKind::kDecimal) return Value(Int128{}).index();
  if (type.IsFloat()) return Value(0.0).index();
  if (type.IsUnsigned()) return Value(std::uint64_t{}).index();
  if (type.IsBytes()) return Value(std::string()).index();
  return Value(std::int64_t{}).index();
}

/// A scalar of the type's Arrow shape.
MadeScalar ToScalar(const DataType& type, const Value& value) {
  if (IsNull(value)) return arrow::MakeNullScalar(type.ToArrow());
  if (value.index() != AlternativeOf(type)) return arrow::Status::TypeError("another kind");
  switch (type.kind()) {
    case TypeKind::kBool: return arrow::MakeScalar(std::get<bool>(value));
    case TypeKind::kFloat32: return arrow::MakeScalar(static_cast<float>(std::get<double>(value)));
    case TypeKind::kFloat64: return arrow::MakeScalar(std::get<double>(value));
    case TypeKind::kDecimal: return DecimalScalar(type, std::get<Int128>(value));
    default: break;
  }
  if (type.IsInteger()) return IntegerScalar(type, value);
  if (type.IsTemporal()) return TemporalScalar(type, std::get<std::int64_t>(value));
  return BytesScalar(type, std::get<std::string>(value));
}

}  // namespace

std::weak_ordering Compare(const Value& a, const Value& b) {
  // Most bounds that are compared are of numbers and times: without a jump through a table.
  if (const auto* left = std::get_if<std::int64_t>(&a)) {
    if (const auto* right = std::get_if<std::int64_t>(&b)) return *left <=> *right;
  }
  if (a.index() != b.index()) {
    if (IsNull(a) || IsNull(b)) return IsNull(a) <=> IsNull(b);
    return a.index() <=> b.index();  // Values of one column never are of two kinds.
  }
  return std::visit(
      [&](const auto& left) -> std::weak_ordering {
        using T = std::decay_t<decltype(left)>;
        const auto& right = std::get<T>(b);
        if constexpr (std::is_same_v<T, double>) {
          return CompareDoubles(left, right);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return left.compare(right) <=> 0;  // As unsigned bytes: char_traits compares so.
        } else {
          return left <=> right;
        }
      },
      a);
}

Value ValueAt(const arrow::Array& array, std::int64_t row) {
  if (array.IsNull(row)) return {};
  switch (array.type_id()) {
    case arrow::Type::BOOL: return Element<arrow::BooleanArray, bool>(array, row);
    case arrow::Type::INT8: return Element<arrow::Int8Array, std::int64_t>(array, row);
    case arrow::Type::INT16: return Element<arrow::Int16Array, std::int64_t>(array, row);
    case arrow::Type::INT32: return Element<arrow::Int32Array, std::int64_t>(array, row);
    case arrow::Type::INT64: return Element<arrow::Int64Array, std::int64_t>(array, row);
    case arrow::Type::UINT8: return Element<arrow::UInt8Array, std::uint64_t>(array, row);
    case arrow::Type::UINT16: return Element<arrow::UInt16Array, std::uint64_t>(array, row);
    case arrow::Type::UINT32: return Element<arrow::UInt32Array, std::uint64_t>(array, row);
    case arrow::Type::UINT64: return Element<arrow::UInt64Array, std::uint64_t>(array, row);
    case arrow::Type::FLOAT: return Element<arrow::FloatArray, double>(array, row);
    case arrow::Type::DOUBLE: return Element<arrow::DoubleArray, double>(array, row);
    case arrow::Type::DATE32: return Element<arrow::Date32Array, std::int64_t>(array, row);
    case arrow::Type::TIMESTAMP: return Element<arrow::TimestampArray, std::int64_t>(array, row);
    case arrow::Type::TIME64: return Element<arrow::Time64Array, std::int64_t>(array, row);
    case arrow::Type::DECIMAL128: return DecimalElement(array, row);
    case arrow::Type::STRING: return BytesElement<arrow::StringArray>(array, row);
    case arrow::Type::BINARY: return BytesElement<arrow::BinaryArray>(array, row);
    case arrow::Type::LARGE_STRING: return BytesElement<arrow::LargeStringArray>(array, row);
    case arrow::Type::LARGE_BINARY: return BytesElement<arrow::LargeBinaryArray>(array, row);
    case arrow::Type::FIXED_SIZE_BINARY:
      return BytesElement<arrow::FixedSizeBinaryArray>(array, row);
    case arrow::Type::DICTIONARY: return DictionaryElement(array, row);
    default: return {};
  }
}

Result<std::shared_ptr<arrow::Array>> MakeConstantArray(const DataType& type, const Value& value,
                                                        std::int64_t length) {
  const MadeScalar scalar = ToScalar(type, value);
  if (!scalar.ok()) {
    return Status::Internal(fmt::format("no {}: {}", type.ToString(), scalar.status().message()));
  }
  auto made = arrow::MakeArrayFromScalar(**scalar, length);
  if (!made.ok()) return Status::Internal(made.status().ToString());
  return made.MoveValueUnsafe();
}

std::string ValueToText(const Value& value, const DataType& type) {
  if (IsNull(value)) return "null";
  std::string out;
  if (const auto* boolean = std::get_if<bool>(&value)) {
    out = *boolean ? "true" : "false";
  } else if (const auto* natural = std::get_if<std::uint64_t>(&value)) {
    AppendInteger(*natural, out);
  } else if (const auto* unscaled = std::get_if<Int128>(&value)) {
    AppendDecimal(*unscaled, type.scale(), out);
  } else if (const auto* real = std::get_if<double>(&value)) {
    if (type.kind() == TypeKind::kFloat32) {
      AppendFloatText(static_cast<float>(*real), out);
    } else {
      AppendDoubleText(*real, out);
    }
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    switch (type.kind()) {
      case TypeKind::kDate: AppendDate(*integer, out); break;
      case TypeKind::kTimestamp: AppendTimestamp(*integer, type.unit(), out); break;
      case TypeKind::kTime: AppendTime(*integer, out); break;
      default: AppendInteger(*integer, out);
    }
  } else {
    const auto& bytes = std::get<std::string>(value);
    switch (type.kind()) {
      case TypeKind::kUuid: AppendUuid(bytes, out); break;
      case TypeKind::kBinary: AppendHex(bytes, out); break;
      default: out = bytes;
    }
  }
  return out;
}

void EncodeValue(const Value& value, std::string& out) {
  out.push_back(static_cast<char>(value.index()));
  std::visit(
      [&out](const auto& held) {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::string>) {
          PutString(out, held);
        } else if constexpr (std::is_same_v<T, Int128>) {
          PutFixed(out, static_cast<std::uint64_t>(held));
          PutFixed(out, static_cast<std::int64_t>(held >> 64));
        } else if constexpr (std::is_same_v<T, bool>) {
          PutFixed(out, static_cast<std::uint8_t>(held));
        } else if constexpr (!std::is_same_v<T, std::monostate>) {
          PutFixed(out, held);
        }
      },
      value);
}

Result<Value> DecodeValue(ByteReader& in) {
  Value value;
  const auto tag = in.Fixed<std::uint8_t>();
  static_assert(std::variant_size_v<Value> == 7, "the tags below are the alternatives' positions");
  switch (tag) {
    case 0: break;
    case 1: value = in.Fixed<std::uint8_t>() != 0; break;
    case 2: value = in.Fixed<std::int64_t>(); break;
    case 3: value = in.Fixed<std::uint64_t>(); break;
    case 4: value = in.Fixed<double>(); break;
    case 5: {
      const auto low = in.Fixed<std::uint64_t>();
      const auto high = in.Fixed<std::int64_t>();
      value = static_cast<Int128>(high) << 64 | static_cast<Int128>(low);
      break;
    }
    case 6: value = std::string(in.String()); break;
    default: return Status::Corruption(fmt::format("value: unknown tag {}", tag));
  }
  if (!in.ok()) return Status::Corruption("value: cut short");
  return value;
}

}  // namespace granary
