#include "granary/storage/segment/file_types.h"

#include <limits>

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/extension/json.h>
#include <arrow/extension/uuid.h>
#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/util/bit_run_reader.h>
#include <arrow/util/bitmap_ops.h>
#include <arrow/util/key_value_metadata.h>

#include "granary/base/check.h"
#include "granary/json/shredder.h"
#include "granary/storage/segment/segment_format.h"

namespace granary::storage {
namespace {

constexpr std::int64_t kNanosPerMicro = 1000;
constexpr std::int64_t kMillisPerSecond = 1000;

/// True when `holds` for every value that is not null.
template <typename Holds>
bool AllOf(const arrow::Array& array, const Holds& holds) {
  const auto& data = *array.data();
  const auto* values = data.GetValues<std::int64_t>(1);
  bool all = true;
  const auto look = [&](std::int64_t start, std::int64_t length) {
    for (std::int64_t i = start; i < start + length && all; ++i) all = holds(values[i]);
  };
  if (array.null_count() == 0) {
    look(0, data.length);
  } else {
    arrow::internal::VisitSetBitRunsVoid(data.buffers[0]->data(), data.offset, data.length, look);
  }
  return all;
}

bool IsTimestamp(const DataType& type, TimeUnit unit) {
  return type.kind() == TypeKind::kTimestamp && type.unit() == unit;
}

std::shared_ptr<arrow::DataType> FileType(const DataType& type, bool preferred) {
  if (type.kind() == TypeKind::kJson) return arrow::extension::json();
  if (type.kind() == TypeKind::kUuid) return arrow::extension::uuid();
  if (IsTimestamp(type, TimeUnit::kNano) && preferred) {
    return DataType::Timestamp(TimeUnit::kMicro).ToArrow();
  }
  if (IsTimestamp(type, TimeUnit::kSecond) && !preferred) return arrow::int64();
  return type.ToArrow();
}

std::shared_ptr<arrow::Field> FileField(std::string name, std::shared_ptr<arrow::DataType> type,
                                        bool nullable, std::int32_t id) {
  return arrow::field(std::move(name), std::move(type), nullable,
                      arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(id)}));
}

/// Nulls keep their bits, whatever lies under them.
arrow::Result<std::shared_ptr<arrow::Array>> ToMicros(
    const arrow::Array& nanos, const std::shared_ptr<arrow::DataType>& type) {
  const auto& data = *nanos.data();
  const auto* values = data.GetValues<std::int64_t>(1);
  ARROW_ASSIGN_OR_RAISE(
      std::shared_ptr<arrow::Buffer> buffer,
      arrow::AllocateBuffer(data.length * static_cast<std::int64_t>(sizeof(std::int64_t))));
  auto* micros = reinterpret_cast<std::int64_t*>(buffer->mutable_data());
  for (std::int64_t i = 0; i < data.length; ++i) micros[i] = values[i] / kNanosPerMicro;
  std::shared_ptr<arrow::Buffer> validity = nanos.null_bitmap();
  if (validity != nullptr && data.offset != 0) {
    ARROW_ASSIGN_OR_RAISE(
        validity, arrow::internal::CopyBitmap(arrow::default_memory_pool(), validity->data(),
                                              data.offset, data.length));
  }
  return arrow::MakeArray(arrow::ArrayData::Make(type, data.length, {validity, buffer}));
}

}  // namespace

bool FitsPreferredForm(const DataType& type, const arrow::Array& array) {
  if (IsTimestamp(type, TimeUnit::kNano)) {
    return AllOf(array, [](std::int64_t value) { return value % kNanosPerMicro == 0; });
  }
  if (IsTimestamp(type, TimeUnit::kSecond)) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / kMillisPerSecond;
    return AllOf(array, [](std::int64_t value) { return value <= kMost && value >= -kMost; });
  }
  return true;
}

std::shared_ptr<arrow::Schema> FileSchema(const Schema& schema, const PreferredForms& preferred) {
  GRANARY_CHECK(preferred.size() == schema.columns().size());
  arrow::FieldVector fields;
  for (std::size_t i = 0; i < preferred.size(); ++i) {
    const Column& column = schema.columns()[i];
    fields.push_back(
        FileField(column.name, FileType(column.type, preferred[i]), /*nullable=*/true, column.id));
  }
  fields.push_back(FileField(std::string(kSequenceColumnName), arrow::int64(), /*nullable=*/false,
                             kSequenceFieldId));
  return arrow::schema(std::move(fields));
}

std::shared_ptr<arrow::Field> LaneField(std::string name, json::Lane lane, std::int32_t id) {
  return FileField(std::move(name), json::LaneType(lane), /*nullable=*/true, id);
}

arrow::Result<std::shared_ptr<arrow::Array>> ToFileArray(
    const std::shared_ptr<arrow::Array>& array, const std::shared_ptr<arrow::DataType>& file_type) {
  if (file_type->id() == arrow::Type::EXTENSION) {
    return arrow::ExtensionType::WrapArray(file_type, array);
  }
  if (array->type_id() != arrow::Type::TIMESTAMP || array->type()->Equals(*file_type)) return array;
  if (file_type->id() == arrow::Type::TIMESTAMP) return ToMicros(*array, file_type);
  return array->View(file_type);
}

std::string LeafPath(const Column& column) {
  std::string path = column.name;
  for (DataType type = column.type; type.kind() == TypeKind::kList;
       type = DataType(type.element())) {
    path += ".list.element";
  }
  return path;
}

}  // namespace granary::storage
