#include "granary/formats/csv_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "granary/base/utf8.h"
#include "granary/formats/csv_cells.h"
#include "granary/formats/ndjson_reader.h"
#include "granary/formats/record_places.h"
#include "granary/json/batch_writer.h"
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

/// The narrowest form that the cells of a column have so far.
class FormFinder {
 public:
  void Add(std::string_view text) {
    any_ = true;
    numbers_ = numbers_ && IsJsonNumber(text);
    bools_ = bools_ && IsBoolText(text);
  }
  std::optional<CellForm> form() const {
    if (!any_) return std::nullopt;
    if (numbers_) return CellForm::kNumber;
    return bools_ ? CellForm::kBool : CellForm::kText;
  }

 private:
  bool any_ = false, numbers_ = true, bools_ = true;
};

class CsvChunk final : public TableChunk {
 public:
  CsvChunk(json::RecordParser& parser, std::vector<CsvReader::ColumnState>& columns,
           LineBlock block, std::uint64_t first)
      : parser_(parser), columns_(columns), block_(std::move(block)), first_(first) {}

  std::uint64_t rows() const override { return block_.lines.size(); }

  Result<json::ParsedRecords> Parse(const SchemaPtr& schema, json::SchemaMode mode,
                                    json::RejectedRecords* rejected) override {
    const auto place_of = [this](std::int64_t index) {
      return fmt::format("line {}", block_.numbers[static_cast<std::size_t>(index)]);
    };
    json::RejectedRecords found;
    ChooseForms(*schema);
    WriteJson(found);
    if (!found.empty() && rejected == nullptr) {
      const auto& [index, detail] = *found.begin();
      return AtPlaces(Status::Invalid(Code::kInvalidRecord, fmt::format("/{}", index), detail),
                      first_, place_of);
    }
    auto parsed =
        parser_.ParseLines(json_, lines_, mode, schema, rejected == nullptr ? nullptr : &found);
    std::string().swap(json_);
    if (!parsed.ok()) return AtPlaces(parsed.status(), first_, place_of);
    if (rejected != nullptr) AddRejected(found, first_, place_of, *rejected);
    MoveWidened(first_, parsed->widened);
    return parsed;
  }

 private:
  std::string_view RecordAt(std::size_t row) const {
    return std::string_view(block_.text).substr(block_.lines[row].offset, block_.lines[row].bytes);
  }

  void ChooseForms(const Schema& schema) {
    forms_.clear();
    std::vector<std::size_t> unknown;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Column* known = schema.Find(columns_[i].name);
      if (known == nullptr && !columns_[i].found) unknown.push_back(i);
      forms_.push_back(known != nullptr ? FormOf(known->type)
                                        : columns_[i].found.value_or(CellForm::kText));
    }
    if (unknown.empty()) return;
    std::vector<FormFinder> finders(unknown.size());
    for (std::size_t row = 0; row < block_.lines.size(); ++row) {
      if (!SplitCsv(RecordAt(row), cells_, store_).ok() || cells_.size() != columns_.size())
        continue;
      for (std::size_t i = 0; i < unknown.size(); ++i) {
        const CsvCell& cell = cells_[unknown[i]];
        if (!cell.IsNull()) finders[i].Add(cell.text);
      }
    }
    for (std::size_t i = 0; i < unknown.size(); ++i) {
      columns_[unknown[i]].found = finders[i].form();
      forms_[unknown[i]] = finders[i].form().value_or(CellForm::kText);
    }
  }

  /// Each record as a line of JSON; those that cannot be one go to `wrong`.
  void WriteJson(json::RejectedRecords& wrong) {
    json_.clear();
    lines_.clear();
    for (std::size_t row = 0; row < block_.lines.size(); ++row) {
      const std::size_t begin = json_.size();
      Status status = SplitCsv(RecordAt(row), cells_, store_);
      if (!IsValidUtf8(RecordAt(row))) status = {Code::kInvalidRecord, "not UTF-8"};
      if (status.ok() && cells_.size() != columns_.size()) {
        status = {Code::kInvalidRecord,
                  fmt::format("{} cells, the header has {}", cells_.size(), columns_.size())};
      }
      if (status.ok()) status = WriteRecord();
      if (!status.ok()) {
        wrong.emplace(static_cast<std::int64_t>(row), std::string(status.message()));
        json_.resize(begin);
      }
      lines_.push_back({begin, json_.size() - begin});
    }
  }

  Status WriteRecord() {
    json_.push_back('{');
    bool first = true;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (cells_[i].IsNull()) continue;
      if (!std::exchange(first, false)) json_.push_back(',');
      json::AppendString(columns_[i].name, json_);
      json_.push_back(':');
      if (!WriteCell(forms_[i], cells_[i].text)) {
        return {Code::kInvalidRecord,
                fmt::format("column {} ({}): expected JSON text", i + 1, columns_[i].name)};
      }
    }
    json_.push_back('}');
    return Status::Ok();
  }

  bool WriteCell(CellForm form, std::string_view text) {
    if (form == CellForm::kJson) {
      json::CellContext context;
      return documents_.Minify(text, json::kDocumentDepthMax, context, json_) == json::Taken::kYes;
    }
    if (form == CellForm::kNumber && IsJsonNumber(text)) {
      json_.append(text);
    } else if (form == CellForm::kBool && IsBoolText(text)) {
      json_.append(text.size() == 4 ? "true" : "false");
    } else {
      json::AppendString(text, json_);  // What is none of these the parser refuses as a string.
    }
    return true;
  }

  json::RecordParser& parser_;
  std::vector<CsvReader::ColumnState>& columns_;
  const LineBlock block_;
  const std::uint64_t first_;
  std::vector<CellForm> forms_;
  std::vector<CsvCell> cells_;
  std::vector<std::string> store_;
  std::string json_;
  std::vector<json::TextLine> lines_;
  json::DocumentReader documents_;
};

/// Blank lines are no records, but in a table of one column they are its nulls.
void DropBlankLines(LineBlock& block) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < block.lines.size(); ++i) {
    if (block.lines[i].bytes == 0) continue;
    block.lines[kept] = block.lines[i];
    block.numbers[kept++] = block.numbers[i];
  }
  block.lines.resize(kept);
  block.numbers.resize(kept);
}

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
    return {Code::kTooLarge, fmt::format("the header has {} columns, a source has at most {}",
                                         columns_.size(), limits_.columns_max)};
  }
  return Status::Ok();
}

Result<std::unique_ptr<TableChunk>> CsvReader::Next() {
  if (!has_header_) GRANARY_TRY(ReadHeader());
  for (;;) {
    GRANARY_ASSIGN(LineBlock block, lines_.Next(limits_.chunk_rows));
    if (block.lines.empty()) return std::unique_ptr<TableChunk>();
    if (columns_.size() > 1) DropBlankLines(block);
    if (block.lines.empty()) continue;
    const std::uint64_t first = records_;
    records_ += block.lines.size();
    return std::unique_ptr<TableChunk>(
        std::make_unique<CsvChunk>(parser_, columns_, std::move(block), first));
  }
}

}  // namespace granary::formats
