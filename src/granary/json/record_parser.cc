#include "granary/json/record_parser.h"

#include <utility>

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "granary/json/cell.h"
#include "granary/json/column_set.h"

namespace granary::json {
namespace {

namespace ondemand = simdjson::ondemand;

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
          RecordShape shape, ColumnSet& columns)
      : limits_(limits), text_(text), pointer_(pointer), shape_(shape), columns_(columns) {
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
    if (!refusals_.empty()) return std::move(refusals_).ToStatus();
    return row_;
  }

  /// Of a value that was read.
  std::string PointerOf(std::int64_t row, std::string_view name) const {
    const std::string_view inside = shape_ == RecordShape::kFields ? "/fields" : "";
    return fmt::format("{}/{}{}{}", pointer_, row, inside, PointerTo(name));
  }

 private:
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
      if (row_ >= static_cast<std::int64_t>(limits_.records_max)) return TooMany();
      ondemand::value value;
      if (const auto error = item.get(value)) return context_.Break(error);
      if (ReadRecord(value) == Taken::kBroken) return Taken::kBroken;
      if (refusals_.full()) return Taken::kRefused;
      ++row_;
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
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return context_.Break(error);
      if (key != "fields") {
        refusals_.Add(Code::kUnknownMember, RowPointer() + PointerTo(key),
                      "a record has no such member, only \"fields\"");
      } else if (found) {
        refusals_.Add(Code::kInvalidRequest, RowPointer() + "/fields", std::string(kTwice));
      }
      if (refusals_.full()) return Taken::kRefused;
      if (key != "fields" || found) continue;
      found = true;
      Cell fields;
      if (ReadCell(field.value(), context_, fields) != Taken::kYes) return Taken::kBroken;
      const Taken taken = fields.type == ondemand::json_type::object
                              ? ReadFields(fields, "/fields")
                              : Refuse(fields, "an object", RowPointer() + "/fields");
      if (taken == Taken::kBroken || refusals_.full()) return taken;
    }
    if (!found) refusals_.Add(Code::kInvalidRequest, RowPointer(), "a record needs \"fields\"");
    return Taken::kYes;
  }

  Taken ReadFields(Cell& fields, std::string_view inside) {
    ondemand::object object;
    if (const auto error = fields.value.get_object().get(object)) return context_.Break(error);
    for (auto item : object) {
      ondemand::field field;
      if (const auto error = std::move(item).get(field)) return context_.Break(error);
      std::string_view key = columns_.Expected(From(field.key()), row_);
      if (key.empty()) {
        if (const auto error = field.unescaped_key().get(key)) return context_.Break(error);
      }
      Cell cell;
      Taken taken = ReadCell(field.value(), context_, cell);
      if (taken == Taken::kYes) taken = columns_.Append(key, cell, row_, context_);
      if (taken == Taken::kYes) continue;
      if (taken == Taken::kBroken) return taken;
      refusals_.Add(Code::kInvalidRecord,
                    fmt::format("{}{}{}{}", RowPointer(), inside, PointerTo(key), context_.where),
                    context_.detail);
      if (refusals_.full()) return taken;
    }
    return Taken::kYes;
  }

  /// The text from a key's first byte to the end of everything.
  std::string_view From(ondemand::raw_json_string key) const {
    return text_.substr(static_cast<std::size_t>(key.raw() - text_.data()));
  }

  Taken Refuse(Cell& cell, std::string_view expected, std::string pointer) {
    const Taken taken = RefuseCell(cell, expected, context_);
    if (taken == Taken::kRefused) {
      refusals_.Add(Code::kInvalidRequest, std::move(pointer), context_.detail);
    }
    return taken;
  }

  std::string RowPointer() const { return fmt::format("{}/{}", pointer_, row_); }

  const RecordLimits& limits_;
  const std::string_view text_;
  const std::string_view pointer_;
  const RecordShape shape_;
  ColumnSet& columns_;
  CellContext context_;
  Refusals refusals_;
  std::int64_t row_ = 0;
};

}  // namespace

struct RecordParser::State {
  RecordLimits limits;
  ondemand::parser parser;
  std::string padded;  ///< The text again, with the room behind it that the parser needs.
};

RecordParser::RecordParser(RecordLimits limits) : state_(std::make_unique<State>()) {
  state_->limits = limits;
}

RecordParser::~RecordParser() = default;

Result<ParsedRecords> RecordParser::Parse(std::string_view array, std::string_view pointer,
                                          RecordShape shape, SchemaMode mode,
                                          const SchemaPtr& schema) {
  State& state = *state_;
  state.padded.assign(array).append(simdjson::SIMDJSON_PADDING, ' ');
  ondemand::document document;
  const simdjson::padded_string_view text(state.padded.data(), array.size(), state.padded.size());
  if (const auto error = state.parser.iterate(text).get(document)) {
    return Status::Invalid(Code::kInvalidJson, std::string(pointer),
                           simdjson::error_message(error));
  }
  ColumnSet columns(schema, mode, state.limits.columns_max);
  Reading reading(state.limits, text, pointer, shape, columns);
  GRANARY_ASSIGN(const std::int64_t rows, reading.Read(document));
  GRANARY_ASSIGN(ParsedRecords parsed, columns.Finish(rows));
  for (WidenedColumn& column : parsed.widened)
    column.pointer = reading.PointerOf(column.row, column.name);
  return parsed;
}

}  // namespace granary::json
