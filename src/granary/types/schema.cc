#include "granary/types/schema.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include "granary/base/bytes.h"
#include "granary/base/utf8.h"
#include "granary/types/widening.h"

namespace granary {
namespace {

constexpr std::string_view kReservedPrefix = "_granary";

Status BadDefinition(std::string message) { return {Code::kInvalidDefinition, std::move(message)}; }

std::shared_ptr<arrow::Schema> MakeArrowSchema(const std::vector<Column>& columns) {
  arrow::FieldVector fields;
  fields.reserve(columns.size());
  for (const Column& column : columns) {
    fields.push_back(
        arrow::field(column.name, column.type.ToArrow(), true,
                     arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(column.id)})));
  }
  return arrow::schema(std::move(fields));
}

}  // namespace

Schema::Schema() : Schema(1, 0, {}) {}

Schema::Schema(std::uint32_t version, ColumnId last_id, std::vector<Column> columns)
    : version_(version),
      last_id_(last_id),
      columns_(std::move(columns)),
      arrow_(MakeArrowSchema(columns_)) {
  by_name_.reserve(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    last_id_ = std::max(last_id_, columns_[i].id);
    by_name_.emplace(columns_[i].name, static_cast<int>(i));
  }
}

int Schema::IndexOf(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? -1 : found->second;
}

int Schema::IndexOfId(ColumnId id) const {
  const auto found = std::find_if(columns_.begin(), columns_.end(),
                                  [id](const Column& column) { return column.id == id; });
  return found == columns_.end() ? -1 : static_cast<int>(found - columns_.begin());
}

const Column* Schema::Find(std::string_view name) const {
  const int index = IndexOf(name);
  return index < 0 ? nullptr : &columns_[static_cast<std::size_t>(index)];
}

const Column* Schema::FindId(ColumnId id) const {
  const int index = IndexOfId(id);
  return index < 0 ? nullptr : &columns_[static_cast<std::size_t>(index)];
}

Result<Schema> Schema::WithColumn(std::string_view name, DataType type) const {
  GRANARY_TRY(CheckColumnName(name));
  if (Find(name) != nullptr)
    return BadDefinition(fmt::format("column \"{}\" exists already", name));
  auto columns = columns_;
  columns.push_back({last_id_ + 1, std::string(name), std::move(type)});
  return Schema(version_ + 1, last_id_ + 1, std::move(columns));
}

Result<Schema> Schema::WithWidened(ColumnId id, DataType type) const {
  const int index = IndexOfId(id);
  if (index < 0) return BadDefinition(fmt::format("no column has the id {}", id));
  auto columns = columns_;
  Column& column = columns[static_cast<std::size_t>(index)];
  const bool vouched = column.type.IsInteger() && type.kind() == TypeKind::kFloat64;
  if (!vouched && !IsSafeWidening(column.type, type)) {
    return BadDefinition(
        fmt::format("column \"{}\" cannot become {}: not every {} has an equal there", column.name,
                    type.ToString(), column.type.ToString()));
  }
  column.type = std::move(type);
  return Schema(version_ + 1, last_id_, std::move(columns));
}

Schema Schema::WithVersion(std::uint32_t version) const {
  Schema schema = *this;
  schema.version_ = version;
  return schema;
}

void Schema::EncodeTo(std::string& out) const {
  PutFixed(out, version_);
  PutFixed(out, last_id_);
  PutFixed(out, static_cast<std::uint32_t>(columns_.size()));
  for (const Column& column : columns_) {
    PutFixed(out, column.id);
    PutString(out, column.name);
    PutString(out, column.type.ToString());
  }
}

Result<Schema> Schema::Decode(std::string_view bytes) {
  ByteReader in(bytes);
  const auto version = in.Fixed<std::uint32_t>();
  const auto last_id = in.Fixed<ColumnId>();
  const auto count = in.Fixed<std::uint32_t>();
  std::vector<Column> columns;
  std::unordered_set<ColumnId> ids;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    Column column;
    column.id = in.Fixed<ColumnId>();
    column.name = in.String();
    const std::string_view type_text = in.String();
    if (!in.ok()) break;
    auto type = DataType::Parse(type_text);
    if (!type.ok()) return Status::Corruption(fmt::format("schema: {}", type.status().message()));
    column.type = type.Take();
    if (column.id < 1 || column.id > last_id || !ids.insert(column.id).second) {
      return Status::Corruption(
          fmt::format("schema: column id {} (last is {})", column.id, last_id));
    }
    columns.push_back(std::move(column));
  }
  if (!in.ok() || in.remaining() != 0) return Status::Corruption("schema: wrong length");
  Schema schema(version, last_id, std::move(columns));
  if (schema.by_name_.size() != count) return Status::Corruption("schema: a column name twice");
  return schema;
}

bool Schema::operator==(const Schema& other) const {
  return version_ == other.version_ && columns_ == other.columns_;
}

Status CheckColumnName(std::string_view name) {
  if (name.empty()) return BadDefinition("a column name is empty");
  if (name.size() > kColumnNameMaxBytes) {
    return BadDefinition(fmt::format("column name \"{}…\" has {} bytes, at most {} are allowed",
                                     name.substr(0, ValidUtf8PrefixBytes(name.substr(0, 64))),
                                     name.size(), kColumnNameMaxBytes));
  }
  if (!IsValidUtf8(name)) return BadDefinition("a column name is not UTF-8");
  if (name == kSequenceColumnName || name.starts_with(kReservedPrefix)) {
    return BadDefinition(fmt::format("column name \"{}\" is reserved", name));
  }
  return Status::Ok();
}

Result<std::shared_ptr<arrow::RecordBatch>> ProjectBatch(const arrow::RecordBatch& batch,
                                                         const Schema& from, const Schema& to) {
  if (batch.num_columns() != static_cast<int>(from.columns().size())) {
    return Status::Internal(fmt::format("a batch has {} columns, its schema {}",
                                        batch.num_columns(), from.columns().size()));
  }
  arrow::ArrayVector arrays;
  arrays.reserve(to.columns().size());
  for (const Column& column : to.columns()) {
    const int index = from.IndexOfId(column.id);
    if (index < 0) {
      GRANARY_ASSIGN(auto nulls, MakeConstantArray(column.type, Value{}, batch.num_rows()));
      arrays.push_back(std::move(nulls));
      continue;
    }
    const DataType& old_type = from.columns()[static_cast<std::size_t>(index)].type;
    auto widened = WidenArray(batch.column(index), old_type, column.type);
    if (!widened.ok()) return widened.status().At(column.name);
    arrays.push_back(widened.Take());
  }
  return arrow::RecordBatch::Make(to.ToArrow(), batch.num_rows(), std::move(arrays));
}

}  // namespace granary
