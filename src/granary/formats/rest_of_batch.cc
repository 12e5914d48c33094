#include "granary/formats/rest_of_batch.h"

#include <utility>
#include <vector>

#include <arrow/api.h>
#include <fmt/format.h>

#include "granary/formats/json_texts.h"
#include "granary/formats/record_places.h"
#include "granary/json/batch_writer.h"
#include "granary/types/rest_column.h"

namespace granary::formats {
namespace {

std::string PlaceOfNone(std::int64_t) { return {}; }

Status AtColumn(std::string_view name, const Status& status) {
  std::string pointer = "/";
  for (const char c : name) pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  const Code code = status.code() == Code::kUnsupported ? Code::kInvalidRecord : status.code();
  return Status::Invalid(code, std::move(pointer), std::string(status.message()));
}

/// One column of the batch as JSON texts, with what stands before each.
struct Texts {
  std::string lead;  ///< "name": as JSON. Empty for the rest, which brings its own names.
  std::shared_ptr<arrow::StringArray> array;
};

/// Rows of them as bare records, a line each.
class RecordLines {
 public:
  explicit RecordLines(const std::vector<Texts>& columns) : columns_(columns) {}

  void Add(std::int64_t row) {
    const std::size_t begin = text.size();
    char before = '{';
    for (const Texts& column : columns_) {
      if (column.array->IsNull(row)) continue;
      std::string_view value = column.array->GetView(row);
      if (column.lead.empty()) {
        if (!value.starts_with('{')) return AddText(begin, value);  // The parser says what it is.
        value = value.substr(1, value.size() - 2);
        if (value.empty()) continue;
      }
      text.push_back(std::exchange(before, ','));
      text.append(column.lead).append(value);
    }
    if (before == '{') text.push_back('{');
    text.push_back('}');
    lines.push_back({begin, text.size() - begin});
  }
  void AddText(std::size_t begin, std::string_view record) {
    text.resize(begin);
    text.append(record);
    lines.push_back({begin, record.size()});
  }

  std::string text;
  std::vector<json::TextLine> lines;

 private:
  const std::vector<Texts>& columns_;
};

Result<std::vector<Texts>> TextsOf(const arrow::RecordBatch& batch, std::span<const int> positions,
                                   arrow::MemoryPool* pool) {
  std::vector<Texts> columns;
  for (const int position : positions) {
    const auto& array = batch.column(position);
    const std::string& name = batch.schema()->field(position)->name();
    if (array->type_id() == arrow::Type::NA) continue;
    Texts column;
    Result<std::shared_ptr<arrow::Array>> texts = ToJsonTexts(array, pool);
    if (name == kRestColumnName) {
      auto plain = ToPlainArray(array, pool);
      texts = plain.ok() ? FitToType(*plain, TypeKind::kJson, pool) : plain.status();
    } else {
      json::AppendString(name, column.lead);
      column.lead.push_back(':');
    }
    if (!texts.ok()) return AtColumn(name, texts.status());
    column.array = std::static_pointer_cast<arrow::StringArray>(texts.Take());
    columns.push_back(std::move(column));
  }
  return columns;
}

/// Those that are wrong by their place in the batch, with pointers into the body.
void AddWrong(const json::RejectedRecords& found, std::uint64_t first,
              json::RejectedRecords& rejected) {
  for (const auto& [row, detail] : found) {
    const std::string local = fmt::format("/{}", row);
    const std::string_view behind =
        detail.starts_with(local) ? std::string_view(detail).substr(local.size()) : detail;
    rejected.emplace(row, fmt::format("/{}{}", first + static_cast<std::uint64_t>(row), behind));
  }
}

}  // namespace

Result<RestOfBatch> MakeRestOfBatch(const arrow::RecordBatch& batch, std::span<const int> positions,
                                    const Schema& schema, std::uint64_t first_record,
                                    json::RejectedRecords* rejected, arrow::MemoryPool* pool) {
  RestOfBatch out;
  const Column* rest = RestColumn(schema);
  if (rest == nullptr || positions.empty()) return out;
  GRANARY_ASSIGN(const std::vector<Texts> columns, TextsOf(batch, positions, pool));
  const SchemaPtr shared = std::make_shared<const Schema>(schema);
  json::RecordParser parser({.depth_max = kJsonDepthMax});
  RecordLines all(columns);
  for (std::int64_t row = 0; row < batch.num_rows(); ++row) all.Add(row);
  json::RejectedRecords found;
  auto parsed = parser.ParseLines(all.text, all.lines, json::SchemaMode::kJson, shared,
                                  rejected == nullptr ? nullptr : &found);
  if (!parsed.ok()) return AtPlaces(parsed.status(), first_record, PlaceOfNone);
  if (!found.empty()) {  // Their places stay, empty, until all wrong records of the batch go.
    AddWrong(found, first_record, *rejected);
    RecordLines right(columns);
    for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
      if (found.contains(row))
        right.AddText(right.text.size(), "{}");
      else
        right.Add(row);
    }
    parsed = parser.ParseLines(right.text, right.lines, json::SchemaMode::kJson, shared);
    GRANARY_TRY(parsed.status());
  }
  for (int i = 0; i < parsed->batch->num_columns(); ++i) {
    const Column& column = schema.columns()[static_cast<std::size_t>(i)];
    const auto& array = parsed->batch->column(i);
    if (array->null_count() == array->length() && column.id != rest->id) continue;
    if (column.id != rest->id && batch.schema()->GetFieldIndex(column.name) >= 0) {
      return AtColumn(column.name, {Code::kInvalidRecord,
                                    "the column is there, and a member of the rest by its name"});
    }
    out.columns.emplace(column.name, PlainArray{array, column.type});
  }
  return out;
}

}  // namespace granary::formats
