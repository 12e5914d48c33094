#include "granary/formats/csv_reader.h"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "granary/base/utf8.h"
#include "granary/formats/csv_cells.h"
#include "granary/formats/ndjson_reader.h"
#include "granary/formats/record_places.h"
#include "granary/json/document_reader.h"
#include "granary/types/number_text.h"

namespace granary::formats {
namespace {

bool EqualsAnyCase(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) { return (a | 0x20) == b; });
}
bool IsBoolText(std::string_view text) {
  return EqualsAnyCase(text, "true") || EqualsAnyCase(text, "false");
}

CellForm FormOf(const DataType& type) {
  if (type.IsNumeric()) return CellForm::kNumber;
  switch (type.kind()) {
    case TypeKind::kBool: return CellForm::kBool;
    case TypeKind::kJson:
    case TypeKind::kList: return CellForm::kJson;
    default: return CellForm::kText;
  }
}

bool IsSpecialFloat(std::string_view text) {
  return text == "NaN" || text == "Infinity" || text == "-Infinity";
}

/// The narrowest form that the cells of a column have so far. Floats that are no numbers count where
/// the first cell is a float: then the parser has made a column that takes them.
class FormFinder {
 public:
  void Add(std::string_view text) {
    const bool is_number = IsJsonNumber(text);
    if (!any_) begins_as_float_ = is_number && !IsPlainInteger(text);
    any_ = true;
    numbers_ = numbers_ && (is_number || (begins_as_float_ && IsSpecialFloat(text)));
    bools_ = bools_ && IsBoolText(text);
  }
  std::optional<CellForm> form() const {
    if (!any_) return std::nullopt;
    if (numbers_) return CellForm::kNumber;
    return bools_ ? CellForm::kBool : CellForm::kText;
  }

 private:
  bool any_ = false, begins_as_float_ = false, numbers_ = true, bools_ = true;
};

/// The lines of a block as rows for the parser, which reads them once or, leaving wrong ones out,
/// several times.
class CsvRows final : public json::TextRows {
 public:
  CsvRows(const LineBlock& block, std::vector<std::string> names)
      : block_(block), names_(std::move(names)), all_utf8_(IsValidUtf8(block.text)) {}

  void set_forms(std::vector<CellForm> forms) { forms_ = std::move(forms); }

  const std::vector<std::string>& names() const override { return names_; }
  std::int64_t rows() const override { return static_cast<std::int64_t>(block_.lines.size()); }

  Status Read(std::int64_t row, std::vector<json::TextCell>& cells) override {
    GRANARY_ASSIGN(const std::vector<CsvCell>* split, Split(row));
    cells.resize(split->size());
    documents_.clear();
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (!Convert(forms_[i], (*split)[i], cells[i])) {
        return {Code::kInvalidRecord,
                fmt::format("column {} ({}): expected JSON text", i + 1, names_[i])};
      }
    }
    return Status::Ok();
  }

  /// The cells of a row, as many as there are names, good until the next call.
  Result<const std::vector<CsvCell>*> Split(std::int64_t row) {
    const json::TextLine& line = block_.lines[static_cast<std::size_t>(row)];
    const std::string_view record = std::string_view(block_.text).substr(line.offset, line.bytes);
    if (!all_utf8_ && !IsValidUtf8(record)) return Status(Code::kInvalidRecord, "not UTF-8");
    GRANARY_TRY(SplitCsv(record, cells_, store_));
    if (cells_.size() != names_.size()) {
      return Status(Code::kInvalidRecord,
                    fmt::format("{} cells, the header has {}", cells_.size(), names_.size()));
    }
    return &cells_;
  }

 private:
  /// False for a cell that should be JSON and is not. What is of another form than its column the
  /// parser refuses as a string.
  bool Convert(CellForm form, const CsvCell& cell, json::TextCell& out) {
    using Form = json::TextCell::Form;
    out = {cell.IsNull() ? Form::kMissing : Form::kString, cell.text};
    if (cell.IsNull() || form == CellForm::kText) return true;
    if (form == CellForm::kJson) {
      out = {Form::kDocument, cell.text};
      std::string& document = documents_.emplace_back();
      json::CellContext context;
      if (minifier_.Minify(cell.text, json::kDocumentDepthMax, context, document) !=
          json::Taken::kYes)
        return false;
      out.text = document;
    } else if (form == CellForm::kNumber && IsJsonNumber(cell.text)) {
      out.form = Form::kNumber;
    } else if (form == CellForm::kBool && IsBoolText(cell.text)) {
      out.form = cell.text.size() == 4 ? Form::kTrue : Form::kFalse;
    }
    return true;
  }

  const LineBlock& block_;
  const std::vector<std::string> names_;
  const bool all_utf8_;
  std::vector<CellForm> forms_;
  std::vector<CsvCell> cells_;
  std::vector<std::string> store_;
  std::deque<std::string> documents_;  ///< Of the row. A deque: cells point into them.
  json::DocumentReader minifier_;
};

/// Whatever stands below it: a header that names a column means it.
Status CheckNames(const std::vector<CsvReader::ColumnState>& columns, const Schema& schema) {
  for (const CsvReader::ColumnState& column : columns) {
    if (schema.Find(column.name) != nullptr) continue;
    return {Code::kInvalidRecord,
            fmt::format("line 1: the source has no such column: \"{}\"", Quotable(column.name))};
  }
  return Status::Ok();
}

class CsvChunk final : public TableChunk {
 public:
  CsvChunk(const ReadLimits& limits, json::RecordParser& parser,
           std::vector<CsvReader::ColumnState>& columns, LineBlock block, std::uint64_t first)
      : limits_(limits),
        parser_(parser),
        columns_(columns),
        block_(std::move(block)),
        first_(first) {}

  std::uint64_t rows() const override { return block_.lines.size(); }

  Result<json::ParsedRecords> Parse(const SchemaPtr& schema, json::SchemaMode mode,
                                    json::RejectedRecords* rejected) override {
    if (mode == json::SchemaMode::kStrict) GRANARY_TRY(CheckNames(columns_, *schema));
    const auto place_of = [this](std::int64_t index) {
      return fmt::format("line {}", block_.numbers[static_cast<std::size_t>(index)]);
    };
    std::vector<std::string> names;
    for (const CsvReader::ColumnState& column : columns_) names.push_back(column.name);
    CsvRows rows(block_, std::move(names));
    rows.set_forms(ChooseForms(schema, mode, rejected != nullptr, rows));
    json::RejectedRecords found;
    auto parsed = parser_.ParseRows(rows, mode, schema, rejected == nullptr ? nullptr : &found);
    if (!parsed.ok()) return AtPlaces(parsed.status(), first_, place_of);
    if (rejected != nullptr) AddRejected(found, first_, place_of, *rejected);
    MoveWidened(first_, parsed->widened);
    return parsed;
  }

 private:
  std::vector<CellForm> ChooseForms(const SchemaPtr& schema, json::SchemaMode mode, bool leaves_out,
                                    CsvRows& rows) {
    std::vector<CellForm> forms;
    std::vector<std::size_t> unknown;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Column* known = schema->Find(columns_[i].name);
      if (known == nullptr && !columns_[i].found) unknown.push_back(i);
      forms.push_back(known != nullptr ? FormOf(known->type)
                                       : columns_[i].found.value_or(CellForm::kText));
    }
    if (unknown.empty()) return forms;
    json::RejectedRecords wrong;
    if (leaves_out) {
      rows.set_forms(forms);
      wrong = FindWrong(schema, mode, rows);
    }
    std::vector<FormFinder> finders(unknown.size());
    for (std::int64_t row = 0; row < rows.rows(); ++row) {
      if (wrong.contains(row)) continue;
      const auto cells = rows.Split(row);
      if (!cells.ok()) continue;
      for (std::size_t i = 0; i < unknown.size(); ++i) {
        const CsvCell& cell = (**cells)[unknown[i]];
        if (!cell.IsNull()) finders[i].Add(cell.text);
      }
    }
    for (std::size_t i = 0; i < unknown.size(); ++i) {
      columns_[unknown[i]].found = finders[i].form();
      forms[unknown[i]] = finders[i].form().value_or(CellForm::kText);
    }
    return forms;
  }

  /// Records that are wrong whatever their columns without a form turn out to be: they have no say
  /// in that. By a parser of its own, since the other one would remember the texts. A failure of
  /// all of them is told by the reading that follows.
  json::RejectedRecords FindWrong(const SchemaPtr& schema, json::SchemaMode mode,
                                  CsvRows& rows) const {
    json::RejectedRecords wrong;
    json::RecordParser probe(ParserLimits(limits_));
    const auto parsed = probe.ParseRows(rows, mode, schema, &wrong);
    return parsed.ok() ? std::move(wrong) : json::RejectedRecords();
  }

  const ReadLimits& limits_;
  json::RecordParser& parser_;
  std::vector<CsvReader::ColumnState>& columns_;
  const LineBlock block_;
  const std::uint64_t first_;
};

}  // namespace

CsvReader::CsvReader(ByteSource source, const ReadLimits& limits)
    : limits_(limits),
      lines_(std::move(source), LineRule::kQuoted, limits),
      parser_(ParserLimits(limits)) {}

Status CsvReader::ReadHeader() {
  GRANARY_ASSIGN(const LineBlock block, lines_.Next(1));
  has_header_ = true;
  if (block.lines.empty()) return {Code::kInvalidRequest, "line 1: there is no header"};
  const std::string_view line =
      std::string_view(block.text).substr(block.lines[0].offset, block.lines[0].bytes);
  if (!IsValidUtf8(line)) return {Code::kInvalidRequest, "line 1: not UTF-8"};
  std::vector<CsvCell> cells;
  std::vector<std::string> store;
  GRANARY_TRY(SplitCsv(line, cells, store).At("line 1"));
  std::set<std::string_view> names;
  for (const CsvCell& cell : cells) {
    if (cell.text.empty()) {
      return {Code::kInvalidRequest,
              fmt::format("line 1, column {}: the header has no name", columns_.size() + 1)};
    }
    if (!names.insert(cell.text).second) {
      return {Code::kInvalidRequest,
              fmt::format("line 1: the header names \"{}\" twice", Quotable(cell.text))};
    }
    columns_.push_back({std::string(cell.text), std::nullopt});
  }
  if (columns_.size() > limits_.columns_max) {
    return {Code::kInvalidRecord,
            fmt::format("line 1: the header has {} columns, a source has at most {}",
                        columns_.size(), limits_.columns_max)};
  }
  return Status::Ok();
}

Status CsvReader::CheckColumns(const Schema& schema) const { return CheckNames(columns_, schema); }

Result<std::unique_ptr<TableChunk>> CsvReader::Next() {
  if (!has_header_) GRANARY_TRY(ReadHeader());
  for (;;) {
    GRANARY_ASSIGN(LineBlock block, lines_.Next(limits_.rows_max(columns_.size())));
    if (block.lines.empty()) return std::unique_ptr<TableChunk>();
    // Blank lines are no records, but in a table of one column they are its nulls.
    if (columns_.size() > 1)
      block.DropBlankLines([](std::string_view line) { return line.empty(); });
    if (block.lines.empty()) continue;
    const std::uint64_t first = records_;
    records_ += block.lines.size();
    return std::unique_ptr<TableChunk>(
        std::make_unique<CsvChunk>(limits_, parser_, columns_, std::move(block), first));
  }
}

}  // namespace granary::formats
