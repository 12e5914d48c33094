#include "granary/cli/csv_columns.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include "granary/cli/text_file.h"
#include "granary/formats/csv_cells.h"
#include "granary/formats/text_lines.h"
#include "granary/types/time_text.h"

namespace granary::cli {
namespace {

using storage::DeclaredColumn;

// How many columns a source may have is for the node to say.
const formats::ReadLimits kLook{
    .chunk_rows = 1 << 20, .chunk_bytes = 16 << 20, .columns_max = 1 << 20, .cuts_cells = false};

/// What all texts of a column may be.
class TimeForms {
 public:
  /// False when nothing is left.
  bool Add(std::string_view text) {
    any_ = true;
    date_ = date_ && ParseDate(text).has_value();
    time_ = time_ && ParseTime(text).has_value();
    const auto instant = AnyUnit() ? ParseInstant(text) : std::nullopt;
    seconds_ = seconds_ && instant && InUnits(*instant, TimeUnit::kSecond);
    nanos_ = nanos_ && instant && InUnits(*instant, TimeUnit::kNano);
    micros_ = micros_ && instant && InUnits(*instant, TimeUnit::kMicro);
    return date_ || time_ || AnyUnit();
  }
  /// Of instants the coarsest usual unit: seconds, else nanoseconds, else what reaches further.
  std::optional<DataType> type() const {
    if (!any_) return std::nullopt;
    if (date_) return DataType(TypeKind::kDate);
    if (time_) return DataType(TypeKind::kTime);
    if (seconds_) return DataType::Timestamp(TimeUnit::kSecond);
    if (nanos_) return DataType::Timestamp(TimeUnit::kNano);
    if (micros_) return DataType::Timestamp(TimeUnit::kMicro);
    return std::nullopt;
  }

 private:
  bool AnyUnit() const { return seconds_ || nanos_ || micros_; }

  bool any_ = false, date_ = true, time_ = true;
  bool seconds_ = true, nanos_ = true, micros_ = true;
};

DataType TypeOfTexts(const arrow::StringArray& texts) {
  TimeForms forms;
  for (std::int64_t row = 0; row < texts.length(); ++row) {
    if (texts.IsNull(row)) continue;
    const auto text = texts.GetView(row);
    if (!forms.Add({text.data(), text.size()})) break;
  }
  return forms.type().value_or(DataType(TypeKind::kString));
}

Result<std::vector<std::string>> HeaderOf(const std::string& path) {
  GRANARY_ASSIGN(const auto file, TextFile::Open(path));
  formats::TextLines lines(file->AsSource(), formats::LineRule::kQuoted, kLook);
  GRANARY_ASSIGN(const formats::LineBlock header, lines.Next(1));
  std::vector<std::string> names;
  if (header.lines.empty()) return names;
  std::vector<formats::CsvCell> cells;
  std::vector<std::string> store;
  GRANARY_TRY(formats::SplitCsv(header.Text(0), cells, store));
  for (const formats::CsvCell& cell : cells) names.emplace_back(cell.text);
  return names;
}

}  // namespace

Result<std::vector<DeclaredColumn>> InferCsvColumns(const std::string& path,
                                                    const NullTexts& nulls) {
  GRANARY_ASSIGN(const std::vector<std::string> names, HeaderOf(path));
  GRANARY_ASSIGN(const auto file, TextFile::Open(path, nulls));
  GRANARY_ASSIGN(const auto reader,
                 formats::MakeTableReader(formats::TableFormat::kCsv, file->AsSource(), kLook));
  GRANARY_ASSIGN(const auto chunk, reader->Next());
  std::vector<DeclaredColumn> columns;
  if (chunk == nullptr) return columns;
  const auto none = std::make_shared<const Schema>();
  GRANARY_ASSIGN(const auto parsed, chunk->Parse(none, json::SchemaMode::kEvolve, nullptr));
  for (const Column& column : parsed.schema->columns()) {
    const arrow::Array& values = *parsed.batch->column(static_cast<int>(columns.size()));
    columns.push_back({column.name, column.type});
    if (column.type.kind() == TypeKind::kString)
      columns.back().type = TypeOfTexts(static_cast<const arrow::StringArray&>(values));
  }
  std::map<std::string_view, std::size_t> places;
  for (const std::string& name : names) places.emplace(name, places.size());
  std::ranges::sort(columns, {}, [&](const DeclaredColumn& column) { return places[column.name]; });
  return columns;
}

}  // namespace granary::cli
