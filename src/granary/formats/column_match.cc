#include "granary/formats/column_match.h"

#include <unordered_map>

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/extension/json.h>
#include <arrow/extension/uuid.h>
#include <arrow/extension_type.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "granary/types/widening.h"

namespace granary::formats {
namespace {

std::shared_ptr<arrow::DataType> TravelType(const DataType& type) {
  if (type.kind() == TypeKind::kJson) return arrow::extension::json();
  if (type.kind() == TypeKind::kUuid) return arrow::extension::uuid();
  return type.ToArrow();
}

Result<std::shared_ptr<arrow::Array>> FromArrow(arrow::Result<std::shared_ptr<arrow::Array>> made) {
  if (!made.ok()) return Status::Internal(made.status().ToString());
  return made.MoveValueUnsafe();
}

std::shared_ptr<arrow::Array> Travelling(std::shared_ptr<arrow::Array> array,
                                         const std::shared_ptr<arrow::DataType>& type) {
  if (type->id() != arrow::Type::EXTENSION) return array;
  return arrow::ExtensionType::WrapArray(type, array);
}

}  // namespace

std::vector<int> MatchColumns(const TableShape& shape, const std::vector<Column>& columns) {
  std::unordered_map<std::string_view, int> positions;
  for (std::size_t i = 0; i < columns.size(); ++i)
    positions.emplace(columns[i].name, static_cast<int>(i));
  std::vector<int> matched;
  for (const TableColumn& column : shape.columns) {
    const auto at = positions.find(column.name);
    matched.push_back(at == positions.end() ? -1 : at->second);
  }
  return matched;
}

Result<std::shared_ptr<arrow::Schema>> ArrowSchemaOf(const TableShape& shape) {
  arrow::FieldVector fields;
  for (std::string& name : NamingColumns(shape))
    fields.push_back(arrow::field(std::move(name), arrow::utf8(), /*nullable=*/false));
  for (const TableColumn& column : shape.columns) {
    if (!column.type) {
      return Status::Invalid(
          Code::kTypeMismatch, "/columns",
          fmt::format("\"{}\" has types in the sources that no one type holds exactly: leave it "
                      "out, ask one source, or take NDJSON or CSV",
                      column.name));
    }
    fields.push_back(arrow::field(column.name, TravelType(*column.type)));
  }
  return arrow::schema(std::move(fields));
}

Result<std::shared_ptr<arrow::RecordBatch>> FitRows(const TableShape& shape,
                                                    const std::shared_ptr<arrow::Schema>& schema,
                                                    const TableRows& rows) {
  const std::int64_t count = rows.batch->num_rows();
  arrow::ArrayVector arrays;
  for (const std::string_view name : NamesOf(shape, rows)) {
    GRANARY_ASSIGN(auto names, FromArrow(arrow::MakeArrayFromScalar(
                                   arrow::StringScalar(std::string(name)), count)));
    arrays.push_back(std::move(names));
  }
  const std::vector<int> matched = MatchColumns(shape, rows.columns);
  for (std::size_t i = 0; i < matched.size(); ++i) {
    const DataType& type = *shape.columns[i].type;
    std::shared_ptr<arrow::Array> array;
    if (matched[i] < 0) {
      GRANARY_ASSIGN(array, FromArrow(arrow::MakeArrayOfNull(type.ToArrow(), count)));
    } else {
      const DataType& stored = rows.columns[static_cast<std::size_t>(matched[i])].type;
      auto widened = WidenArray(rows.batch->column(matched[i]), stored, type);
      if (!widened.ok())
        return widened.status().At(fmt::format("column \"{}\"", shape.columns[i].name));
      array = widened.Take();
    }
    const auto& travel = schema->field(static_cast<int>(arrays.size()))->type();
    arrays.push_back(Travelling(std::move(array), travel));
  }
  return arrow::RecordBatch::Make(schema, count, std::move(arrays));
}

}  // namespace granary::formats
