#include "granary/storage/segment/segment_format.h"

#include <charconv>

#include <arrow/api.h>
#include <arrow/extension/json.h>
#include <arrow/extension/uuid.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

namespace granary::storage {
namespace {

std::shared_ptr<arrow::DataType> FileType(const DataType& type) {
  if (type.kind() == TypeKind::kJson) return arrow::extension::json();
  if (type.kind() == TypeKind::kUuid) return arrow::extension::uuid();
  return type.ToArrow();
}

std::shared_ptr<arrow::Field> FileField(std::string name, std::shared_ptr<arrow::DataType> type, bool nullable,
                                        std::int32_t id) {
  return arrow::field(std::move(name), std::move(type), nullable,
                      arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(id)}));
}

}  // namespace

std::string EncodeChecksums(const std::vector<std::uint32_t>& checksums) {
  std::string text;
  for (const std::uint32_t checksum : checksums) fmt::format_to(std::back_inserter(text), "{:08x}", checksum);
  return text;
}

Result<std::vector<std::uint32_t>> DecodeChecksums(std::string_view text, std::size_t count) {
  std::vector<std::uint32_t> checksums(count);
  if (text.size() != count * 8) return Status::Corruption("the list of column checksums has another length");
  for (std::size_t i = 0; i < count; ++i) {
    const char* const at = text.data() + i * 8;
    const auto [end, error] = std::from_chars(at, at + 8, checksums[i], 16);
    if (error != std::errc() || end != at + 8) return Status::Corruption("the list of column checksums is not hexadecimal");
  }
  return checksums;
}

std::shared_ptr<arrow::Schema> FileSchema(const Schema& schema) {
  arrow::FieldVector fields;
  for (const Column& column : schema.columns()) {
    fields.push_back(FileField(column.name, FileType(column.type), /*nullable=*/true, column.id));
  }
  fields.push_back(FileField(std::string(kSequenceColumnName), arrow::int64(), /*nullable=*/false, kSequenceFieldId));
  return arrow::schema(std::move(fields));
}

Status FromArrow(const arrow::Status& status, std::string_view path, Code otherwise) {
  if (status.ok()) return Status::Ok();
  return Status(otherwise, fmt::format("{}: {}", path, status.message()));
}

}  // namespace granary::storage
