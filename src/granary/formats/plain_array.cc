#include "granary/formats/plain_array.h"

#include <optional>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <fmt/format.h>

#include "granary/formats/arrow_status.h"
#include "granary/formats/json_texts.h"
#include "granary/formats/list_views.h"
#include "granary/formats/to_floats.h"
#include "granary/json/document_reader.h"
#include "granary/types/uuid_text.h"
#include "granary/types/widening.h"
#include "granary/types/year_range.h"

namespace granary::formats {
namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;

Result<ArrayPtr> Cast(const ArrayPtr& array, const std::shared_ptr<arrow::DataType>& type,
                      arrow::MemoryPool* pool) {
  arrow::compute::ExecContext context(pool);
  auto cast = arrow::compute::Cast(*array, type, arrow::compute::CastOptions::Safe(type), &context);
  GRANARY_TRY(FromArrowStatus(cast.status()));
  return cast.MoveValueUnsafe();
}

/// What an extension type, a dictionary or runs stand for.
Result<ArrayPtr> Opened(ArrayPtr array, arrow::MemoryPool* pool) {
  for (;;) {
    if (array->type_id() == arrow::Type::EXTENSION) {
      array = std::static_pointer_cast<arrow::ExtensionArray>(array)->storage();
    } else if (array->type_id() == arrow::Type::DICTIONARY) {
      const auto& type = static_cast<const arrow::DictionaryType&>(*array->type());
      GRANARY_ASSIGN(array, Cast(array, type.value_type(), pool));
    } else if (array->type_id() == arrow::Type::RUN_END_ENCODED) {
      arrow::compute::ExecContext context(pool);
      auto decoded = arrow::compute::RunEndDecode(array, &context);
      GRANARY_TRY(FromArrowStatus(decoded.status()));
      array = decoded->make_array();
    } else {
      return array;
    }
  }
}

Status Refused(const DataType& from, const DataType& to) {
  return {Code::kInvalidRecord,
          fmt::format("expected {}, found {}", to.ToString(), from.ToString())};
}

/// Texts that are JSON as a json column keeps them.
Result<ArrayPtr> ToDocuments(const ArrayPtr& array, arrow::MemoryPool* pool) {
  const auto& texts = static_cast<const arrow::StringArray&>(*array);
  json::DocumentReader reader;
  arrow::StringBuilder builder(pool);
  std::string document;
  for (std::int64_t row = 0; row < texts.length(); ++row) {
    if (texts.IsNull(row)) {
      GRANARY_TRY(FromArrowStatus(builder.AppendNull()));
      continue;
    }
    const auto text = texts.GetView(row);
    json::CellContext context;
    document.clear();
    if (reader.Minify({text.data(), text.size()}, kJsonDepthMax, context, document) !=
        json::Taken::kYes)
      return Status(Code::kInvalidRecord,
                    fmt::format("expected JSON text: {}", context.failure.message()));
    // A null is a null, however it comes.
    GRANARY_TRY(
        FromArrowStatus(document == "null" ? builder.AppendNull() : builder.Append(document)));
  }
  ArrayPtr documents;
  GRANARY_TRY(FromArrowStatus(builder.Finish(&documents)));
  return documents;
}

/// Texts or bytes as the 16 bytes of UUIDs.
Result<ArrayPtr> ToUuids(const ArrayPtr& array, TypeKind from, arrow::MemoryPool* pool) {
  const auto& values = static_cast<const arrow::BinaryArray&>(*array);
  arrow::FixedSizeBinaryBuilder builder(arrow::fixed_size_binary(kUuidBytes), pool);
  for (std::int64_t row = 0; row < values.length(); ++row) {
    if (values.IsNull(row)) {
      GRANARY_TRY(FromArrowStatus(builder.AppendNull()));
      continue;
    }
    const auto value = values.GetView(row);
    std::optional<std::string> bytes;
    if (from == TypeKind::kString) {
      bytes = ParseUuid({value.data(), value.size()});
    } else if (value.size() == kUuidBytes) {
      bytes = std::string(value);
    }
    if (!bytes) return Status(Code::kInvalidRecord, "expected uuid");
    GRANARY_TRY(FromArrowStatus(builder.Append(*bytes)));
  }
  ArrayPtr uuids;
  GRANARY_TRY(FromArrowStatus(builder.Finish(&uuids)));
  return uuids;
}

/// Arrow asks for room for every integer of the type; what counts are the values.
Result<ArrayPtr> IntegersToDecimals(const ArrayPtr& array, const DataType& to,
                                    arrow::MemoryPool* pool) {
  const auto wide = DataType::Decimal(kDecimalPrecisionMax, to.scale()).ToArrow();
  GRANARY_ASSIGN(const ArrayPtr decimals, Cast(array, wide, pool));
  return Cast(decimals, to.ToArrow(), pool);
}

template <typename Array>
bool AllBetween(const arrow::Array& array, std::int64_t low, std::int64_t high) {
  const auto& values = static_cast<const Array&>(array);
  for (std::int64_t row = 0; row < values.length(); ++row) {
    if (values.IsValid(row) && (values.Value(row) < low || values.Value(row) > high)) return false;
  }
  return true;
}

/// Arrow holds years that RFC 3339 cannot write.
Status CheckYears(const ArrayPtr& array, const DataType& type, arrow::MemoryPool* pool) {
  bool inside = true;
  if (type.kind() == TypeKind::kDate) {
    inside = AllBetween<arrow::Date32Array>(*array, kDateDaysMin, kDateDaysMax);
  } else if (type.kind() == TypeKind::kTimestamp && type.unit() != TimeUnit::kNano) {
    const std::int64_t units = UnitsPerSecond(type.unit());
    inside = AllBetween<arrow::TimestampArray>(*array, kInstantSecondsMin * units,
                                               (kInstantSecondsMax + 1) * units - 1);
  } else if (type.kind() == TypeKind::kList) {
    auto elements = static_cast<const arrow::ListArray&>(*array).Flatten(pool);
    GRANARY_TRY(FromArrowStatus(elements.status()));
    return CheckYears(elements.MoveValueUnsafe(), type.element(), pool);
  }
  if (inside) return Status::Ok();
  return {Code::kInvalidRecord,
          fmt::format("expected {} in the years 0001 to 9999", type.ToString())};
}

/// Whether CheckYears has anything to look at.
bool HasYears(const DataType& type) {
  if (type.kind() == TypeKind::kList) return HasYears(type.element());
  return type.kind() == TypeKind::kDate || type.kind() == TypeKind::kTimestamp;
}

bool MayCast(const DataType& from, const DataType& to) {
  if (from.IsNumeric() && to.IsNumeric())
    return !(from.IsFloat() && to.kind() == TypeKind::kDecimal);
  if (from.kind() == TypeKind::kTimestamp || from.kind() == TypeKind::kDate)
    return to.kind() == TypeKind::kTimestamp;
  if (from.kind() == TypeKind::kList && to.kind() == TypeKind::kList)
    return from.element() == to.element() || MayCast(from.element(), to.element());
  return false;
}

/// Lists whose elements are as `to` has them.
Result<ArrayPtr> FitElements(const PlainArray& from, const DataType& to, arrow::MemoryPool* pool) {
  const auto& list = static_cast<const arrow::ListArray&>(*from.array);
  auto flat = list.Flatten(pool);  // Without what lies under nulls and between lists.
  GRANARY_TRY(FromArrowStatus(flat.status()));
  GRANARY_ASSIGN(const ArrayPtr elements,
                 FitToType({flat.MoveValueUnsafe(), from.type.element()}, to.element(), pool));
  arrow::Int32Builder offsets(pool);
  GRANARY_TRY(FromArrowStatus(offsets.Reserve(list.length() + 1)));
  std::int32_t end = 0;
  for (std::int64_t row = 0; row < list.length(); ++row) {
    if (list.IsNull(row)) {
      offsets.UnsafeAppendNull();
    } else {
      offsets.UnsafeAppend(end);
      end += list.value_length(row);
    }
  }
  offsets.UnsafeAppend(end);
  ArrayPtr ends;
  GRANARY_TRY(FromArrowStatus(offsets.Finish(&ends)));
  auto fitted = arrow::ListArray::FromArrays(to.ToArrow(), *ends, *elements, pool);
  GRANARY_TRY(FromArrowStatus(fitted.status()));
  return ArrayPtr(fitted.MoveValueUnsafe());
}

Result<ArrayPtr> FitNumbersAndTimes(const PlainArray& from, const DataType& to,
                                    arrow::MemoryPool* pool) {
  if (to.kind() == TypeKind::kList) return FitElements(from, to, pool);
  if (to.IsFloat()) return ToFloats(from.array, to, pool);
  if (from.type.IsInteger() && to.kind() == TypeKind::kDecimal)
    return IntegersToDecimals(from.array, to, pool);
  return Cast(from.array, to.ToArrow(), pool);
}

}  // namespace

Result<PlainArray> ToPlainArray(const ArrayPtr& array, arrow::MemoryPool* pool) {
  PlainArray plain;
  GRANARY_ASSIGN(plain.array, Opened(array, pool));
  GRANARY_ASSIGN(plain.array, ListsOfViews(plain.array, pool));
  // The extension's name tells more than what it stands for.
  const bool named = array->type_id() == arrow::Type::EXTENSION;
  GRANARY_ASSIGN(plain.type, DataType::FromArrow(named ? *array->type() : *plain.array->type()));
  const auto wanted = plain.type.ToArrow();
  if (plain.array->type()->Equals(*wanted)) return plain;
  if (plain.array->type_id() == arrow::Type::TIMESTAMP) {
    // The zone only says how to show the instant; none is UTC.
    auto view = plain.array->View(wanted);
    GRANARY_TRY(FromArrowStatus(view.status()));
    plain.array = view.MoveValueUnsafe();
    return plain;
  }
  GRANARY_ASSIGN(plain.array, Cast(plain.array, wanted, pool));
  // What Arrow made of it is not believed either: a wrong offset shows other people's memory.
  GRANARY_TRY(FromArrowStatus(plain.array->Validate()));
  return plain;
}

Result<ArrayPtr> FitToType(const PlainArray& from, const DataType& to, arrow::MemoryPool* pool) {
  if (HasYears(from.type)) GRANARY_TRY(CheckYears(from.array, from.type, pool));
  if (from.type == to)
    return to.kind() == TypeKind::kJson ? ToDocuments(from.array, pool)
                                        : Result<ArrayPtr>(from.array);
  const TypeKind kind = from.type.kind();
  if (to.kind() == TypeKind::kJson)
    return kind == TypeKind::kString ? ToDocuments(from.array, pool)
                                     : ToJsonTexts(from.array, pool);
  if (to.kind() == TypeKind::kUuid && (kind == TypeKind::kString || kind == TypeKind::kBinary))
    return ToUuids(from.array, kind, pool);
  if (!MayCast(from.type, to)) return Refused(from.type, to);
  auto cast = FitNumbersAndTimes(from, to, pool);
  if (cast.ok() || cast.status().code() == Code::kTooLarge) return cast;
  return Status(Code::kInvalidRecord, fmt::format("expected {}, found {}: {}", to.ToString(),
                                                  from.type.ToString(), cast.status().message()));
}

}  // namespace granary::formats
