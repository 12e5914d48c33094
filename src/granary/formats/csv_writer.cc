#include "granary/formats/csv_writer.h"

#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include "granary/base/byte_order_mark.h"
#include "granary/formats/column_match.h"

namespace granary::formats {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

/// Where a column's texts come from.
struct Field {
  int position = -1;  ///< In the batch; -1: all null.
  const arrow::Array* array = nullptr;
  const arrow::StringArray* strings = nullptr;  ///< Set for columns of strings.
  bool nested = false;                          ///< JSON text, which keeps its quotes.
};

std::vector<Field> FieldsOf(const TableShape& shape, const TableRows& rows) {
  std::vector<Field> fields;
  for (const int position : MatchColumns(shape, rows.columns)) {
    Field field;
    field.position = position;
    if (position >= 0) {
      const TypeKind kind = rows.columns[static_cast<std::size_t>(position)].type.kind();
      field.array = rows.batch->column(position).get();
      if (kind == TypeKind::kString)
        field.strings = static_cast<const arrow::StringArray*>(field.array);
      field.nested = kind == TypeKind::kJson || kind == TypeKind::kList;
    }
    fields.push_back(field);
  }
  return fields;
}

}  // namespace

void AppendCsvField(std::string_view text, std::string& out) {
  // A name at the very front that begins with a byte order mark would lose it.
  const bool plain = !text.empty() && !text.starts_with(kByteOrderMark);
  if (plain && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out.append(text);
    return;
  }
  out.push_back('"');
  for (const char c : text) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

Status CsvWriter::Begin(const TableShape& shape, std::string& out) {
  shape_ = shape;
  bool first = true;
  const auto append = [&](std::string_view name) {
    if (!std::exchange(first, false)) out.push_back(',');
    AppendCsvField(name, out);
  };
  for (const std::string& name : NamingColumns(shape)) append(name);
  for (const TableColumn& column : shape.columns) append(column.name);
  out.append(kLineEnd);
  return Status::Ok();
}

Status CsvWriter::Add(const TableRows& rows, std::string& out) {
  const json::BatchWriter texts(rows.columns);
  const std::vector<Field> fields = FieldsOf(shape_, rows);
  const std::vector<std::string_view> names = NamesOf(shape_, rows);
  for (std::int64_t row = 0; row < rows.batch->num_rows(); ++row) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (i > 0) out.push_back(',');
      AppendCsvField(names[i], out);
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (i > 0 || !names.empty()) out.push_back(',');
      const Field& field = fields[i];
      if (field.position < 0 || field.array->IsNull(row)) continue;
      if (field.strings != nullptr) {
        const auto text = field.strings->GetView(row);
        AppendCsvField({text.data(), text.size()}, out);
        continue;
      }
      value_.clear();
      texts.AppendValue(*rows.batch, field.position, row, value_);
      std::string_view text = value_;
      // No text of these types has an escape in it: base64, dates, decimals, NaN.
      if (!field.nested && text.starts_with('"')) text = text.substr(1, text.size() - 2);
      AppendCsvField(text, out);
    }
    out.append(kLineEnd);
  }
  return Status::Ok();
}

}  // namespace granary::formats
