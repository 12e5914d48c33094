#include "granary/types/data_type.h"

#include <utility>

#include <arrow/type.h>
#include <fmt/format.h>

#include "granary/base/check.h"

namespace granary {
namespace {

constexpr std::string_view kUnitNames[] = {"s", "ms", "us", "ns"};

arrow::TimeUnit::type ToArrowUnit(TimeUnit unit) {
  return static_cast<arrow::TimeUnit::type>(unit);  // The same order.
}
static_assert(static_cast<int>(arrow::TimeUnit::SECOND) == static_cast<int>(TimeUnit::kSecond) &&
              static_cast<int>(arrow::TimeUnit::NANO) == static_cast<int>(TimeUnit::kNano));

}  // namespace

std::int64_t UnitsPerSecond(TimeUnit unit) {
  constexpr std::int64_t kUnits[] = {1, 1'000, 1'000'000, 1'000'000'000};
  return kUnits[static_cast<int>(unit)];
}

DataType DataType::Decimal(int precision, int scale) {
  GRANARY_CHECK(
      precision >= 1 && precision <= kDecimalPrecisionMax && scale >= 0 && scale <= precision,
      "precision={} scale={}", precision, scale);
  DataType type(TypeKind::kDecimal);
  type.precision_ = static_cast<std::uint8_t>(precision);
  type.scale_ = static_cast<std::uint8_t>(scale);
  return type;
}

DataType DataType::Timestamp(TimeUnit unit) {
  DataType type(TypeKind::kTimestamp);
  type.unit_ = unit;
  return type;
}

DataType DataType::List(DataType element) {
  DataType type(TypeKind::kList);
  type.element_ = std::make_shared<const DataType>(std::move(element));
  return type;
}

const DataType& DataType::element() const {
  GRANARY_CHECK(element_ != nullptr, "kind={}", static_cast<int>(kind_));
  return *element_;
}

std::string DataType::ToString() const {
  switch (kind_) {
    case TypeKind::kString: return "string";
    case TypeKind::kBool: return "bool";
    case TypeKind::kInt8: return "int8";
    case TypeKind::kInt16: return "int16";
    case TypeKind::kInt32: return "int32";
    case TypeKind::kInt64: return "int64";
    case TypeKind::kUInt8: return "uint8";
    case TypeKind::kUInt16: return "uint16";
    case TypeKind::kUInt32: return "uint32";
    case TypeKind::kUInt64: return "uint64";
    case TypeKind::kFloat32: return "float32";
    case TypeKind::kFloat64: return "float64";
    case TypeKind::kDecimal: return fmt::format("decimal({},{})", precision_, scale_);
    case TypeKind::kDate: return "date";
    case TypeKind::kTimestamp:
      return fmt::format("datetime64[{}]", kUnitNames[static_cast<int>(unit_)]);
    case TypeKind::kTime: return "time";
    case TypeKind::kBinary: return "binary";
    case TypeKind::kUuid: return "uuid";
    case TypeKind::kJson: return "json";
    case TypeKind::kList: return fmt::format("list<{}>", element().ToString());
  }
  return "string";
}

std::shared_ptr<arrow::DataType> DataType::ToArrow() const {
  switch (kind_) {
    case TypeKind::kString:
    case TypeKind::kJson: return arrow::utf8();
    case TypeKind::kBool: return arrow::boolean();
    case TypeKind::kInt8: return arrow::int8();
    case TypeKind::kInt16: return arrow::int16();
    case TypeKind::kInt32: return arrow::int32();
    case TypeKind::kInt64: return arrow::int64();
    case TypeKind::kUInt8: return arrow::uint8();
    case TypeKind::kUInt16: return arrow::uint16();
    case TypeKind::kUInt32: return arrow::uint32();
    case TypeKind::kUInt64: return arrow::uint64();
    case TypeKind::kFloat32: return arrow::float32();
    case TypeKind::kFloat64: return arrow::float64();
    case TypeKind::kDecimal: return arrow::decimal128(precision_, scale_);
    case TypeKind::kDate: return arrow::date32();
    case TypeKind::kTimestamp: return arrow::timestamp(ToArrowUnit(unit_), "UTC");
    case TypeKind::kTime: return arrow::time64(arrow::TimeUnit::MICRO);
    case TypeKind::kBinary: return arrow::binary();
    case TypeKind::kUuid: return arrow::fixed_size_binary(16);
    case TypeKind::kList: return arrow::list(element().ToArrow());
  }
  return arrow::utf8();
}

bool DataType::IsBytes() const {
  return kind_ == TypeKind::kString || kind_ == TypeKind::kBinary || kind_ == TypeKind::kUuid ||
         kind_ == TypeKind::kJson;
}

bool DataType::operator==(const DataType& other) const {
  if (kind_ != other.kind_) return false;
  switch (kind_) {
    case TypeKind::kDecimal: return precision_ == other.precision_ && scale_ == other.scale_;
    case TypeKind::kTimestamp: return unit_ == other.unit_;
    case TypeKind::kList: return element() == other.element();
    default: return true;
  }
}

}  // namespace granary
