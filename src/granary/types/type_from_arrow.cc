// DataType::FromArrow (data_type.h).
#include <utility>

#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "granary/types/data_type.h"

namespace granary {
namespace {

TimeUnit FromArrowUnit(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND: return TimeUnit::kSecond;
    case arrow::TimeUnit::MILLI: return TimeUnit::kMilli;
    case arrow::TimeUnit::MICRO: return TimeUnit::kMicro;
    case arrow::TimeUnit::NANO: return TimeUnit::kNano;
  }
  return TimeUnit::kNano;
}

Status NoColumnFor(const arrow::DataType& type) {
  return Status::Unsupported(fmt::format("no column holds Arrow type {}", type.ToString()));
}

Result<DataType> DecimalFromArrow(const arrow::DataType& type) {
  const auto& decimal = static_cast<const arrow::DecimalType&>(type);
  const bool fits = decimal.precision() <= kDecimalPrecisionMax && decimal.scale() >= 0 &&
                    decimal.scale() <= decimal.precision();
  if (!fits) return NoColumnFor(type);
  return DataType::Decimal(decimal.precision(), decimal.scale());
}

Result<DataType> FromArrowAt(const arrow::DataType& type, int depth);

Result<DataType> ListFromArrow(const arrow::DataType& type, int depth) {
  if (depth >= kListDepthMax) return NoColumnFor(type);
  GRANARY_ASSIGN(DataType element, FromArrowAt(*type.field(0)->type(), depth + 1));
  return DataType::List(std::move(element));
}

Result<DataType> ExtensionFromArrow(const arrow::DataType& type, int depth) {
  const auto& extension = static_cast<const arrow::ExtensionType&>(type);
  if (extension.extension_name() == "arrow.uuid") return DataType(TypeKind::kUuid);
  if (extension.extension_name() == "arrow.json") return DataType(TypeKind::kJson);
  return FromArrowAt(*extension.storage_type(), depth);
}

Result<DataType> FromArrowAt(const arrow::DataType& type, int depth) {
  switch (type.id()) {
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW: return DataType(TypeKind::kString);
    case arrow::Type::BOOL: return DataType(TypeKind::kBool);
    case arrow::Type::INT8: return DataType(TypeKind::kInt8);
    case arrow::Type::INT16: return DataType(TypeKind::kInt16);
    case arrow::Type::INT32: return DataType(TypeKind::kInt32);
    case arrow::Type::INT64: return DataType(TypeKind::kInt64);
    case arrow::Type::UINT8: return DataType(TypeKind::kUInt8);
    case arrow::Type::UINT16: return DataType(TypeKind::kUInt16);
    case arrow::Type::UINT32: return DataType(TypeKind::kUInt32);
    case arrow::Type::UINT64: return DataType(TypeKind::kUInt64);
    case arrow::Type::HALF_FLOAT:
    case arrow::Type::FLOAT: return DataType(TypeKind::kFloat32);
    case arrow::Type::DOUBLE: return DataType(TypeKind::kFloat64);
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64:
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256: return DecimalFromArrow(type);
    case arrow::Type::DATE32:
    case arrow::Type::DATE64: return DataType(TypeKind::kDate);
    case arrow::Type::TIMESTAMP:
      return DataType::Timestamp(
          FromArrowUnit(static_cast<const arrow::TimestampType&>(type).unit()));
    case arrow::Type::TIME32:
    case arrow::Type::TIME64: return DataType(TypeKind::kTime);
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW:
    case arrow::Type::FIXED_SIZE_BINARY: return DataType(TypeKind::kBinary);
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST:
    case arrow::Type::LIST_VIEW:
    case arrow::Type::LARGE_LIST_VIEW: return ListFromArrow(type, depth);
    case arrow::Type::DICTIONARY:
      return FromArrowAt(*static_cast<const arrow::DictionaryType&>(type).value_type(), depth);
    case arrow::Type::RUN_END_ENCODED:
      return FromArrowAt(*static_cast<const arrow::RunEndEncodedType&>(type).value_type(), depth);
    case arrow::Type::EXTENSION: return ExtensionFromArrow(type, depth);
    default: return NoColumnFor(type);
  }
}

}  // namespace

Result<DataType> DataType::FromArrow(const arrow::DataType& type) { return FromArrowAt(type, 0); }

}  // namespace granary
