#include "granary/json/record_parser.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "granary/json/cell.h"
#include "granary/json/column_set.h"
#include "granary/json/document_reader.h"
#include "granary/json/plain_key.h"
#include "granary/types/rest_column.h"

namespace granary::json {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::string_view kFields = "fields";
constexpr std::string_view kTwice = "the key stands twice in one record";

/// RFC 6901: ~ and / of a key are written ~0 and ~1.
std::string PointerTo(std::string_view key) {
  std::string out = "/";
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

/// The places that are wrong, in order. The first one decides the code.
class Refusals {
 public:
  void Add(Code code, std::string pointer, std::string detail) {
    if (fields_.empty()) code_ = code;
    fields_.push_back({std::move(pointer), std::move(detail)});
  }
  bool empty() const { return fields_.empty(); }
  bool full() const { return fields_.size() >= kRecordErrorsMax; }

  Status ToStatus() && {
    std::string message = fields_.front().pointer + ": " + fields_.front().detail;
    if (fields_.size() > 1) message += fmt::format(" (and {} more)", fields_.size() - 1);
    return {code_, std::move(message), std::move(fields_)};
  }

 private:
  Code code_ = Code::kInvalidRecord;
  std::vector<FieldError> fields_;
};

/// One pass over one array of records.
class Reading {
 public:
  Reading(const RecordLimits& limits, std::string_view text, std::string_view pointer,
          RecordShape shape, ColumnSet& columns, RejectedRecords* rejected)
      : limits_(limits),
        text_(text),
        pointer_(pointer),
        shape_(shape),
        columns_(columns),
        rejected_(rejected) {
    context_.depth_max = limits.depth_max;
    // Containers around a value: the body, the array, the record, its fields; or array and record.
    context_.depth = shape == RecordShape::kFields ? 4 : 2;
  }

  /// How many records there are, or what is wrong with them.
  Result<std::int64_t> Read(ondemand::document& document) {
    ondemand::json_type type;
    ondemand::array array;
    const auto error = document.type().get(type);
    if (!error && type != ondemand::json_type::array) {
      return Status::Invalid(Code::kInvalidRequest, std::string(pointer_),
                             "expected an array of records");
    }
    Taken taken = error ? context_.Break(error) : Taken::kYes;
    if (taken == Taken::kYes) taken = StartArray(document, array);
    if (taken == Taken::kYes) taken = ReadArray(array);
    if (taken == Taken::kYes && document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
      taken = context_.Break("more text after the array");
    }
    if (taken == Taken::kBroken) return Failure(document);
    return Outcome();
  }

  /// The same for lines.
  Result<std::int64_t> Read(ondemand::parser& parser, std::span<const TextLine> lines) {
    context_.depth = 1;  // The line's object is all there is around a value.
    for (const TextLine& line : lines) {
      if (LeavesOut()) continue;
      if (ReadLine(parser, line) == Taken::kBroken) GRANARY_TRY(AddBroken());
      if (full()) break;
      ++row_;
      ++index_;
    }
    return Outcome();
  }

  /// The same for rows of texts.
  Result<std::int64_t> Read(TextRows& rows, DocumentReader& documents) {
    const std::vector<std::string>& names = rows.names();
    std::vector<ColumnSet::Column*> columns(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) columns[i] = columns_.Find(names[i]);
    std::vector<TextCell> cells;
    while (index_ < rows.rows()) {
      if (LeavesOut()) continue;
      if (const Status read = rows.Read(index_, cells); !read.ok()) {
        if (rejected_ != nullptr) {  // It changed nothing: no need to begin again.
          rejected_->emplace(index_++, std::string(read.message()));
          continue;
        }
        Add(read.code(), RowPointer(), std::string(read.message()));
      } else if (ReadCells(names, cells, columns, documents) == Taken::kBroken) {
        GRANARY_TRY(AddBroken());
      }
      if (full()) break;
      ++row_;
      ++index_;
    }
    return Outcome();
  }

  /// More records were found wrong: what was read is of no use.
  bool found_wrong() const { return !refusals_.empty(); }

  /// Of a value that was read.
  std::string PointerOf(std::int64_t row, std::string_view name) const {
    const std::string_view inside = shape_ == RecordShape::kFields ? "/fields" : "";
    return fmt::format("{}/{}{}{}", pointer_, IndexOf(row), inside, PointerTo(name));
  }

 private:
  Result<std::int64_t> Outcome() {
    if (!refusals_.empty() && rejected_ == nullptr) return std::move(refusals_).ToStatus();
    return row_;
  }

  /// The place of a row among all records, of which some were left out.
  std::int64_t IndexOf(std::int64_t row) const {
    if (rejected_ == nullptr) return row;
    for (const auto& [index, detail] : *rejected_) {
      if (index > row) break;
      ++row;
    }
    return row;
  }

  /// True, and past it, for a record that is known to be wrong.
  bool LeavesOut() {
    if (rejected_ == nullptr || !rejected_->contains(index_)) return false;
    ++index_;
    return true;
  }

  void Add(Code code, std::string pointer, std::string detail) {
    if (rejected_ != nullptr) rejected_->emplace(index_, fmt::format("{}: {}", pointer, detail));
    if (!refusals_.full()) refusals_.Add(code, std::move(pointer), std::move(detail));
  }
  /// What is no JSON is wrong by itself; what fails otherwise has nothing to do with the record.
  Status AddBroken() {
    if (context_.failure.code() != Code::kInvalidJson) return context_.failure;
    Add(Code::kInvalidJson, RowPointer(), std::string(context_.failure.message()));
    return Status::Ok();
  }
  /// Enough is wrong to stop.
  bool full() const { return rejected_ == nullptr && refusals_.full(); }

  Taken ReadCells(const std::vector<std::string>& names, const std::vector<TextCell>& cells,
                  std::vector<ColumnSet::Column*>& columns, DocumentReader& documents) {
    columns_.StartRow();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (cells[i].form == TextCell::Form::kMissing) continue;
      Cell cell;
      Taken taken = ReadText(cells[i], documents, cell);
      if (taken == Taken::kYes && columns_.keeps_rest() && names[i] == kRestColumnName) {
        taken = ReadRest(cell);
      } else if (taken == Taken::kYes) {
        if (columns[i] != nullptr) {
          taken = columns_.Append(*columns[i], cell, row_, context_);
        } else {
          taken = columns_.Append(names[i], cell, row_, context_);
          columns[i] = columns_.Find(names[i]);
        }
      }
      if (taken == Taken::kYes) continue;
      if (taken == Taken::kBroken) return taken;
      AddCell("", names[i]);
      if (full()) return taken;
    }
    return columns_.EndRow(row_, context_);
  }

  /// A table has the rest in one column, as the tables that we write do: its members are the
  /// record's.
  Taken ReadRest(Cell& cell) {
    if (cell.IsNull()) return Taken::kYes;
    if (cell.type != ondemand::json_type::object) return RefuseCell(cell, "an object", context_);
    return ReadMembers(cell, PointerTo(kRestColumnName));
  }

  Taken ReadText(const TextCell& text, DocumentReader& documents, Cell& cell) {
    using Form = TextCell::Form;
    cell.text = text.text;
    switch (text.form) {
      case Form::kString: cell.type = ondemand::json_type::string; return Taken::kYes;
      case Form::kNumber: cell.type = ondemand::json_type::number; return Taken::kYes;
      case Form::kTrue:
      case Form::kFalse:
        cell.type = ondemand::json_type::boolean;
        cell.boolean = text.form == Form::kTrue;
        return Taken::kYes;
      case Form::kMissing: cell.type = ondemand::json_type::null; return Taken::kYes;
      case Form::kDocument: break;
    }
    const Taken taken = documents.Read(text.text, context_, cell);
    context_.depth_max = limits_.depth_max;
    context_.depth = 1;  // The row's is all there is around it.
    return taken;
  }

  Taken ReadLine(ondemand::parser& parser, const TextLine& line) {
    const simdjson::padded_string_view view(
        text_.data() + line.offset, line.bytes,
        text_.size() - line.offset + simdjson::SIMDJSON_PADDING);
    ondemand::document document;
    if (const auto error = parser.iterate(view).get(document)) return context_.Break(error);
    ondemand::json_type type;
    if (const auto error = document.type().get(type)) return context_.Break(error);
    if (type != ondemand::json_type::object) {
      Add(Code::kInvalidRequest, RowPointer(), "expected an object");
      return Taken::kRefused;
    }
    ondemand::value value;
    if (const auto error = document.get_value().get(value)) return context_.Break(error);
    const Taken taken = ReadRecord(value);
    if (taken == Taken::kYes && document.current_location().error() != simdjson::OUT_OF_BOUNDS)
      return context_.Break("more text after the object");
    return taken;
  }

  /// The failure, with the byte where reading stopped.
  Status Failure(ondemand::document& document) const {
    std::string detail(context_.failure.message());
    const char* at = nullptr;
    const bool known = context_.failure.code() == Code::kInvalidJson &&
                       document.current_location().get(at) == simdjson::SUCCESS &&
                       at >= text_.data() && at <= text_.data() + text_.size();
    if (known) detail += fmt::format(" (near byte {})", at - text_.data());
    return Status::Invalid(context_.failure.code(), std::string(pointer_), std::move(detail));
  }

  Taken StartArray(ondemand::document& document, ondemand::array& array) {
    const auto error = document.get_array().get(array);
    return error ? context_.Break(error) : Taken::kYes;
  }

  Taken ReadArray(ondemand::array& array) {
    for (auto item : array) {
      if (index_ >= static_cast<std::int64_t>(limits_.records_max)) return TooMany();
      if (LeavesOut()) continue;
      ondemand::value value;
      if (const auto error = item.get(value)) return context_.Break(error);
      if (ReadRecord(value) == Taken::kBroken) return Taken::kBroken;
      if (full()) return Taken::kRefused;
      ++row_;
      ++index_;
    }
    return Taken::kYes;
  }

  Taken TooMany() {
    context_.failure =
        Status(Code::kTooLarge, fmt::format("more than {} records", limits_.records_max));
    return Taken::kBroken;
  }

  Taken ReadRecord(ondemand::value value) {
    Cell record;
    if (ReadCell(value, context_, record) != Taken::kYes) return Taken::kBroken;
    if (record.type != ondemand::json_type::object)
      return Refuse(record, "an object", RowPointer());
    return shape_ == RecordShape::kBare ? ReadFields(record, "") : ReadEnvelope(record);
  }

  /// {"fields": {…}} and nothing else.
  Taken ReadEnvelope(Cell& record) {
    ondemand::object object;
    if (const auto error = record.value.get_object().get(object)) return context_.Break(error);
    bool found = false;
    for (auto item : object) {
      ondemand::field field;
      if (const auto error = std::move(item).get(field)) return context_.Break(error);
      std::string_view key = kFields;
      if (!fields_key_.Begins(From(field.key()))) {
        if (const auto error = field.unescaped_key().get(key)) return context_.Break(error);
      }
      if (key != kFields) {
        Add(Code::kUnknownMember, RowPointer() + PointerTo(key),
            "a record has no such member, only \"fields\"");
      } else if (found) {
        Add(Code::kInvalidRequest, RowPointer() + "/fields", std::string(kTwice));
      }
      if (full()) return Taken::kRefused;
      if (key != kFields || found) continue;
      found = true;
      Cell fields;
      if (ReadCell(field.value(), context_, fields) != Taken::kYes) return Taken::kBroken;
      const Taken taken = fields.type == ondemand::json_type::object
                              ? ReadFields(fields, "/fields")
                              : Refuse(fields, "an object", RowPointer() + "/fields");
      if (taken == Taken::kBroken || full()) return taken;
    }
    if (!found) Add(Code::kInvalidRequest, RowPointer(), "a record needs \"fields\"");
    return Taken::kYes;
  }

  Taken ReadFields(Cell& fields, std::string_view inside) {
    columns_.StartRow();
    const Taken taken = ReadMembers(fields, inside);
    return taken == Taken::kYes ? columns_.EndRow(row_, context_) : taken;
  }

  Taken ReadMembers(Cell& fields, std::string_view inside) {
    ondemand::object object;
    if (const auto error = fields.value.get_object().get(object)) return context_.Break(error);
    for (auto item : object) {
      ondemand::field field;
      if (const auto error = std::move(item).get(field)) return context_.Break(error);
      ColumnSet::Column* const column = columns_.Expected(From(field.key()));
      std::string_view key;
      if (column != nullptr) {
        key = column->name;
      } else if (const auto error = field.unescaped_key().get(key)) {
        return context_.Break(error);
      }
      Cell cell;
      Taken taken = ReadCell(field.value(), context_, cell);
      if (taken == Taken::kYes) {
        taken = column != nullptr ? columns_.Append(*column, cell, row_, context_)
                                  : columns_.Append(key, cell, row_, context_);
      }
      if (taken == Taken::kYes) continue;
      if (taken == Taken::kBroken) return taken;
      AddCell(inside, key);
      if (full()) return taken;
    }
    return Taken::kYes;
  }

  /// A cell that was refused.
  void AddCell(std::string_view inside, std::string_view key) {
    Add(Code::kInvalidRecord,
        fmt::format("{}{}{}{}", RowPointer(), inside, PointerTo(key), context_.where),
        context_.detail);
  }

  /// The text from a key's first byte to the end of everything, padding too; nothing of a key that
  /// stands in another text, a cell's.
  std::string_view From(ondemand::raw_json_string key) const {
    const char* end = text_.data() + text_.size() + simdjson::SIMDJSON_PADDING;
    const std::less<const char*> before;
    if (before(key.raw(), text_.data()) || !before(key.raw(), end)) return {};
    return {key.raw(), static_cast<std::size_t>(end - key.raw())};
  }

  Taken Refuse(Cell& cell, std::string_view expected, std::string pointer) {
    const Taken taken = RefuseCell(cell, expected, context_);
    if (taken == Taken::kRefused) {
      Add(Code::kInvalidRequest, std::move(pointer), context_.detail);
    }
    return taken;
  }

  std::string RowPointer() const { return fmt::format("{}/{}", pointer_, index_); }

  const RecordLimits& limits_;
  const std::string_view text_;
  const std::string_view pointer_;
  const RecordShape shape_;
  ColumnSet& columns_;
  const PlainKey fields_key_{kFields};
  CellContext context_;
  RejectedRecords* const rejected_;
  Refusals refusals_;
  std::int64_t row_ = 0;    ///< Of the columns.
  std::int64_t index_ = 0;  ///< Of the record among all of the text.
};

}  // namespace

struct RecordParser::State {
  RecordLimits limits;
  ondemand::parser parser;
  DocumentReader documents;
  std::optional<ColumnId> last_declared;  ///< Of the schema of the first call.
  std::string padded;  ///< The text again, with the room behind it that the parser needs.

  void Take(std::string_view text) {
    padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    padded.assign(text).append(simdjson::SIMDJSON_PADDING, ' ');
  }
  std::string_view text() const {
    const std::size_t bytes = std::max(padded.size(), simdjson::SIMDJSON_PADDING);
    return std::string_view(padded).substr(0, bytes - simdjson::SIMDJSON_PADDING);
  }
};

RecordParser::RecordParser(RecordLimits limits) : state_(std::make_unique<State>()) {
  state_->limits = std::move(limits);
}

RecordParser::~RecordParser() = default;

// Whether a record is wrong may depend on the records before it, which is why what is left out is
// read around until nothing else is wrong.
template <typename Read>
Result<ParsedRecords> RecordParser::ParseWith(const Read& read, std::string_view pointer,
                                              RecordShape shape, SchemaMode mode,
                                              const SchemaPtr& schema, RejectedRecords* rejected) {
  if (!state_->last_declared) state_->last_declared = schema->last_id();
  constexpr int kPassesMax = 16;
  for (int pass = 1; pass <= kPassesMax; ++pass) {
    ColumnSet columns(schema, mode, state_->limits, *state_->last_declared);
    Reading reading(state_->limits, state_->text(), pointer, shape, columns, rejected);
    GRANARY_ASSIGN(const std::int64_t rows, read(reading));
    if (reading.found_wrong()) continue;
    GRANARY_ASSIGN(ParsedRecords parsed, columns.Finish(rows));
    for (WidenedColumn& column : parsed.widened)
      column.pointer = reading.PointerOf(column.row, column.name);
    return parsed;
  }
  return Status(Code::kInvalidRecord, "too many records are wrong because of each other");
}

Result<ParsedRecords> RecordParser::Parse(std::string_view array, std::string_view pointer,
                                          RecordShape shape, SchemaMode mode,
                                          const SchemaPtr& schema, RejectedRecords* rejected) {
  State& state = *state_;
  state.Take(array);
  const auto read = [&](Reading& reading) -> Result<std::int64_t> {
    ondemand::document document;
    const simdjson::padded_string_view text(state.padded.data(), array.size(), state.padded.size());
    if (const auto error = state.parser.iterate(text).get(document)) {
      return Status::Invalid(Code::kInvalidJson, std::string(pointer),
                             simdjson::error_message(error));
    }
    return reading.Read(document);
  };
  return ParseWith(read, pointer, shape, mode, schema, rejected);
}

Result<ParsedRecords> RecordParser::ParseLines(std::string_view text,
                                               std::span<const TextLine> lines, SchemaMode mode,
                                               const SchemaPtr& schema, RejectedRecords* rejected) {
  state_->Take(text);
  const auto read = [&](Reading& reading) { return reading.Read(state_->parser, lines); };
  return ParseWith(read, "", RecordShape::kBare, mode, schema, rejected);
}

Result<ParsedRecords> RecordParser::ParseRows(TextRows& rows, SchemaMode mode,
                                              const SchemaPtr& schema, RejectedRecords* rejected) {
  const auto read = [&](Reading& reading) { return reading.Read(rows, state_->documents); };
  return ParseWith(read, "", RecordShape::kBare, mode, schema, rejected);
}

}  // namespace granary::json
