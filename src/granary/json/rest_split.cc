#include "granary/json/rest_split.h"

#include <unordered_map>
#include <utility>

#include <arrow/api.h>
#include <fmt/format.h>

#include "granary/json/batch_writer.h"
#include "granary/json/document_reader.h"
#include "granary/json/value_sink.h"
#include "granary/types/rest_column.h"

namespace granary::json {
namespace {

Status FromArrow(const arrow::Status& status) {
  return status.ok() ? Status::Ok() : Status::Internal(status.ToString());
}

class Splitter {
 public:
  explicit Splitter(std::span<const Column> columns) {
    for (const Column& column : columns) {
      sinks_.push_back(MakeSink(column.type, NumberRule::kByValue));
      by_name_.emplace(column.name, sinks_.size() - 1);
    }
  }

  Result<SplitRest> Run(const arrow::StringArray& rest) {
    for (row_ = 0; row_ < rest.length(); ++row_) {
      if (rest.IsNull(row_)) {
        GRANARY_TRY(FromArrow(left_.AppendNull()));
        continue;
      }
      if (SplitRow(rest.GetView(row_)) != Taken::kYes) {
        return Status::Corruption(fmt::format("the rest of the record in row {} is no JSON: {}",
                                              row_, context_.failure.message()));
      }
    }
    SplitRest split;
    for (const auto& sink : sinks_) {
      arrow::ArrayBuilder& builder = sink->builder();
      GRANARY_TRY(FromArrow(builder.AppendNulls(rest.length() - builder.length())));
      GRANARY_TRY(FromArrow(builder.Finish(&split.columns.emplace_back())));
    }
    GRANARY_TRY(FromArrow(left_.Finish(&split.rest)));
    split.unfit = std::move(unfit_);
    return split;
  }

 private:
  Taken SplitRow(std::string_view document) {
    Cell cell;
    if (const Taken taken = reader_.Read(document, context_, cell); taken != Taken::kYes)
      return taken;
    simdjson::ondemand::object object;
    if (const auto error = cell.value.get_object().get(object)) return context_.Break(error);
    text_.clear();
    for (auto item : object) {
      simdjson::ondemand::field field;
      if (const auto error = std::move(item).get(field)) return context_.Break(error);
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return context_.Break(error);
      Cell member;
      if (const Taken taken = ReadCell(field.value(), context_, member); taken != Taken::kYes)
        return taken;
      if (const Taken taken = SplitMember(key, member); taken != Taken::kYes) return taken;
    }
    if (text_.empty()) return Built(left_.AppendNull());
    text_.push_back('}');
    return Built(left_.Append(text_));
  }

  Taken SplitMember(std::string_view key, Cell& member) {
    const auto found = by_name_.find(std::string(key));
    const bool is_asked_for = found != by_name_.end() && !member.IsNull();
    const bool is_scalar = member.type != simdjson::ondemand::json_type::object &&
                           member.type != simdjson::ondemand::json_type::array;
    if (is_asked_for && is_scalar) {
      const Taken taken = Move(*sinks_[found->second], member, key);
      if (taken != Taken::kRefused) return taken;
    }
    std::string value;
    if (const Taken taken = AppendMinified(member, context_, value); taken != Taken::kYes)
      return taken;
    if (is_asked_for && !is_scalar) {  // Read once more, because a value can be walked only once.
      Cell again;
      CellContext context;
      if (const Taken taken = inner_.Read(value, context, again); taken != Taken::kYes)
        return context_.Break("a value of the rest");
      const Taken taken = Move(*sinks_[found->second], again, key);
      if (taken != Taken::kRefused) return taken;
    }
    text_.push_back(text_.empty() ? '{' : ',');
    AppendString(key, text_);
    text_.push_back(':');
    text_.append(value);
    return Taken::kYes;
  }

  Taken Move(ValueSink& sink, Cell& cell, std::string_view key) {
    arrow::ArrayBuilder& builder = sink.builder();
    if (const Taken taken = Built(builder.AppendNulls(row_ - builder.length()));
        taken != Taken::kYes)
      return taken;
    const Taken taken = sink.Append(cell, context_);
    if (taken != Taken::kRefused) return taken;
    // A list may have begun: it is put back as a null.
    if (unfit_.row < 0) unfit_ = {row_, std::string(key), context_.detail};
    return Built(CutTo(builder, row_)) == Taken::kYes ? Taken::kRefused : Taken::kBroken;
  }

  static arrow::Status CutTo(arrow::ArrayBuilder& builder, std::int64_t rows) {
    if (builder.length() == rows) return arrow::Status::OK();
    std::shared_ptr<arrow::Array> all;
    ARROW_RETURN_NOT_OK(builder.Finish(&all));
    return builder.AppendArraySlice(arrow::ArraySpan(*all->data()), 0, rows);
  }

  Taken Built(const arrow::Status& status) {
    return status.ok() ? Taken::kYes : context_.Break(status.ToString());
  }

  std::vector<std::unique_ptr<ValueSink>> sinks_;
  std::unordered_map<std::string, std::size_t> by_name_;
  DocumentReader reader_, inner_;
  CellContext context_;
  arrow::StringBuilder left_;
  std::string text_;
  std::int64_t row_ = 0;
  SplitRest::Unfit unfit_;
};

}  // namespace

Result<SplitRest> SplitFromRest(const arrow::Array& rest, std::span<const Column> columns) {
  if (rest.type_id() != arrow::Type::STRING)
    return Status::Internal("the rest of records of type " + rest.type()->ToString());
  return Splitter(columns).Run(static_cast<const arrow::StringArray&>(rest));
}

Result<std::shared_ptr<arrow::RecordBatch>> ProjectRecords(
    const std::shared_ptr<arrow::RecordBatch>& batch, const Schema& from, const Schema& to) {
  GRANARY_ASSIGN(auto projected, ProjectBatch(*batch, from, to));
  const Column* rest = RestColumn(from);
  const int at = rest == nullptr ? -1 : to.IndexOfId(rest->id);
  std::vector<Column> younger;
  for (const Column& column : to.columns()) {
    if (from.FindId(column.id) == nullptr) younger.push_back(column);
  }
  if (at < 0 || younger.empty()) return projected;
  GRANARY_ASSIGN(const SplitRest split, SplitFromRest(*projected->column(at), younger));
  arrow::ArrayVector columns = projected->columns();
  columns[static_cast<std::size_t>(at)] = split.rest;
  for (std::size_t i = 0; i < younger.size(); ++i)
    columns[static_cast<std::size_t>(to.IndexOfId(younger[i].id))] = split.columns[i];
  return arrow::RecordBatch::Make(projected->schema(), projected->num_rows(), std::move(columns));
}

}  // namespace granary::json
