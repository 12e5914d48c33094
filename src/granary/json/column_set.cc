#include "granary/json/column_set.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "granary/json/batch_writer.h"
#include "granary/types/integer_domain.h"
#include "granary/types/number_text.h"
#include "granary/types/rest_column.h"
#include "granary/types/widening.h"

namespace granary::json {
namespace {

using simdjson::ondemand::json_type;

DataType BigDecimal() { return DataType::Decimal(kDecimalPrecisionMax, 0); }

/// In its column and in the frame of the log; texts and lists have an offset.
std::uint64_t BytesOfNull(const arrow::DataType& type) {
  const int bits = arrow::is_fixed_width(type.id()) ? type.bit_width() : 32;
  return 2 * std::max<std::uint64_t>(static_cast<std::uint64_t>(bits) / 8, 1);
}
/// Room for nulls is asked for in such steps.
constexpr std::uint64_t kNullStepBytes = 64u << 10;

/// The smallest of the types that a new column of whole numbers may have.
std::optional<DataType> TypeOfInteger(std::string_view text) {
  const ScaledNumber number = ScaleNumber(text, 0);
  if (number.out_of_range != 0) return std::nullopt;
  for (const DataType& type : {DataType(TypeKind::kInt64), DataType(TypeKind::kUInt64)}) {
    if (DomainOf(type).Has(number.floor)) return type;
  }
  return BigDecimal();
}

std::optional<DataType> TypeOfCell(const Cell& cell) {
  switch (cell.type) {
    case json_type::boolean: return DataType(TypeKind::kBool);
    case json_type::string: return DataType(TypeKind::kString);
    case json_type::number:
      if (IsPlainInteger(cell.text)) return TypeOfInteger(cell.text);
      return DataType(TypeKind::kFloat64);
    default: return DataType(TypeKind::kJson);
  }
}

bool HasNegative(const arrow::Int64Array& array) {
  for (std::int64_t i = 0; i < array.length(); ++i) {
    if (array.IsValid(i) && array.Value(i) < 0) return true;
  }
  return false;
}

/// The array in `to`'s shape, or nothing when a value of it has no equal there.
std::shared_ptr<arrow::Array> Converted(const std::shared_ptr<arrow::Array>& array,
                                        const DataType& from, const DataType& to) {
  if (from.kind() == TypeKind::kInt64 && to.kind() == TypeKind::kUInt64) {
    if (HasNegative(static_cast<const arrow::Int64Array&>(*array))) return nullptr;
    auto view = array->View(arrow::uint64());
    return view.ok() ? view.MoveValueUnsafe() : nullptr;
  }
  auto widened = WidenArray(array, from, to);
  return widened.ok() ? widened.Take() : nullptr;
}

}  // namespace

void ColumnSet::Column::Start(std::unique_ptr<ValueSink> with) {
  sink = std::move(with);
  builder = &sink->builder();
  null_bytes = BytesOfNull(*builder->type());
}

ColumnSet::ColumnSet(SchemaPtr schema, SchemaMode mode, const RecordLimits& limits,
                     ColumnId last_declared)
    : schema_(std::move(schema)), mode_(mode), limits_(limits), last_declared_(last_declared) {
  Column** before = &first_;
  for (const granary::Column& known : schema_->columns()) {
    Column* column = Add(known.name);
    column->id = known.id;
    column->type = known.type;
    column->Start(
        MakeSink(known.type, IsFoundOut(*column) ? NumberRule::kByKind : NumberRule::kByValue));
    if (mode_ == SchemaMode::kJson && IsRestColumn(known)) {
      rest_ = column;
      continue;
    }
    *before = column;
    before = &column->follower;
  }
}

ColumnSet::Column* ColumnSet::Add(std::string_view name) {
  Column& column = columns_.emplace_back();
  column.name = name;
  column.key = PlainKey(name);
  if (is_named_) by_name_.emplace(column.name, &column);
  return &column;
}

// Most bodies repeat the order of the columns, and nobody asks for one by its name.
void ColumnSet::NameColumns() {
  is_named_ = true;
  by_name_.reserve(columns_.size());
  // A member that is called like the rest is one like any other.
  for (Column& column : columns_)
    if (&column != rest_) by_name_.emplace(column.name, &column);
}

ColumnSet::Column* ColumnSet::Find(std::string_view name) {
  if (!is_named_) NameColumns();
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

Taken ColumnSet::Append(std::string_view name, Cell& cell, std::int64_t row, CellContext& context) {
  Column* column = Find(name);
  if (column == nullptr) {
    if (mode_ == SchemaMode::kStrict) return context.Refuse("the source has no such column");
    if (mode_ == SchemaMode::kJson) {
      column = Add(name);
      *expected_ = column;
      return Append(*column, cell, row, context);
    }
    if (const Status named = CheckColumnName(name); !named.ok()) {
      return context.Refuse(std::string(named.message()));
    }
    if (columns_.size() >= limits_.columns_max) {
      return context.Refuse(fmt::format("a source has at most {} columns", limits_.columns_max));
    }
    column = Add(name);
  }
  *expected_ = column;
  return Append(*column, cell, row, context);
}

Taken ColumnSet::Append(Column& column, Cell& cell, std::int64_t row, CellContext& context) {
  expected_ = &column.follower;
  if (column.last_row == row) return context.Refuse("the key stands twice in one record");
  column.last_row = row;
  if (rest_ != nullptr && (column.is_new() || cell.IsNull()))
    return AppendToRest(column, cell, context);
  if (cell.IsNull()) return Taken::kYes;
  if (column.sink == nullptr) {
    if (const Taken taken = StartColumn(column, cell, context); taken != Taken::kYes) return taken;
  }
  if (column.builder->length() < row) {
    if (Status filled = FillTo(column, row); !filled.ok()) {
      context.failure = std::move(filled);
      return Taken::kBroken;
    }
  }
  const Taken taken = column.sink->Append(cell, context);
  if (taken != Taken::kRefused || mode_ != SchemaMode::kEvolve) return taken;
  return AppendWider(column, cell, row, context);
}

Status ColumnSet::FillTo(Column& column, std::int64_t rows) {
  const std::int64_t missing = rows - column.builder->length();
  if (missing <= 0) return Status::Ok();
  null_bytes_ += static_cast<std::uint64_t>(missing) * column.null_bytes;
  if (limits_.null_room && null_bytes_ > null_bytes_granted_) {
    GRANARY_TRY(limits_.null_room(null_bytes_ + kNullStepBytes));
    null_bytes_granted_ = null_bytes_ + kNullStepBytes;
  }
  const auto filled = column.builder->AppendNulls(missing);
  return filled.ok() ? Status::Ok() : Status::Internal(filled.ToString());
}

Taken ColumnSet::AppendToRest(Column& column, Cell& cell, CellContext& context) {
  if (column.lead.empty()) {
    AppendString(column.name, column.lead);
    column.lead.push_back(':');
  }
  rest_text_.push_back(rest_text_.empty() ? '{' : ',');
  rest_text_.append(column.lead);
  return AppendMinified(cell, context, rest_text_);
}

Taken ColumnSet::AppendRest(std::int64_t row, CellContext& context) {
  rest_text_.push_back('}');
  auto& builder = static_cast<arrow::StringBuilder&>(*rest_->builder);
  auto status = builder.AppendNulls(row - builder.length());
  if (status.ok()) status = builder.Append(rest_text_);
  if (status.ok()) return Taken::kYes;
  const bool full = status.IsOutOfMemory() || status.IsCapacityError();
  context.failure = Status(full ? Code::kTooLarge : Code::kInternal, status.ToString());
  return Taken::kBroken;
}

Taken ColumnSet::StartColumn(Column& column, Cell& cell, CellContext& context) {
  const auto type = TypeOfCell(cell);
  if (!type) return RefuseCell(cell, "a whole number of at most 38 digits", context);
  column.type = *type;
  column.Start(MakeSink(*type, NumberRule::kByKind));
  evolved_ = true;
  return Taken::kYes;
}

/// The column refused the cell, and the context says why.
Taken ColumnSet::AppendWider(Column& column, Cell& cell, std::int64_t row, CellContext& context) {
  const auto wider = WiderType(column, cell);
  if (!wider || !Widen(column, *wider)) return Taken::kRefused;
  column.widened_row = row;
  return column.sink->Append(cell, context);
}

std::optional<DataType> ColumnSet::WiderType(const Column& column, const Cell& cell) const {
  if (!column.type.IsInteger() || !cell.IsNumber()) return std::nullopt;
  const ScaledNumber number = ScaleNumber(cell.text, 0);
  const bool whole = number.exact && DomainOf(TypeKind::kInt64).Has(number.floor);
  if (!IsPlainInteger(cell.text) && (IsFoundOut(column) || !whole))
    return DataType(TypeKind::kFloat64);
  if (number.out_of_range != 0) return std::nullopt;
  constexpr TypeKind kUnsigned[] = {TypeKind::kUInt16, TypeKind::kUInt32, TypeKind::kUInt64};
  constexpr TypeKind kSigned[] = {TypeKind::kInt16, TypeKind::kInt32, TypeKind::kInt64};
  const auto holds = [&](const DataType& type) {
    return IsSafeWidening(column.type, type) && DomainOf(type).Has(number.floor);
  };
  if (column.is_new() && column.type.kind() == TypeKind::kInt64 &&
      DomainOf(TypeKind::kUInt64).Has(number.floor)) {
    return DataType(TypeKind::kUInt64);  // Unless Widen meets a negative value.
  }
  for (const TypeKind kind : kUnsigned) {
    if (column.type.IsUnsigned() && holds(kind)) return DataType(kind);
  }
  for (const TypeKind kind : kSigned) {
    if (holds(kind)) return DataType(kind);
  }
  return BigDecimal();
}

bool ColumnSet::Widen(Column& column, const DataType& type) {
  auto finished = column.sink->builder().Finish();
  if (!finished.ok()) return false;
  const auto array = finished.MoveValueUnsafe();
  auto chosen = type;
  auto converted = Converted(array, column.type, chosen);
  if (converted == nullptr && chosen.kind() == TypeKind::kUInt64) {
    chosen = BigDecimal();
    converted = Converted(array, column.type, chosen);
  }
  const bool widened = converted != nullptr;
  if (widened) {
    column.type = chosen;
    column.Start(MakeSink(chosen, IsFoundOut(column) ? NumberRule::kByKind : NumberRule::kByValue));
    evolved_ = true;
  }
  const arrow::Array& kept = widened ? *converted : *array;
  const arrow::ArraySpan span(*kept.data());
  return column.sink->builder().AppendArraySlice(span, 0, kept.length()).ok() && widened;
}

Result<ParsedRecords> ColumnSet::Finish(std::int64_t rows) {
  ParsedRecords parsed;
  parsed.schema = FinalSchema(parsed);
  arrow::ArrayVector arrays;
  for (Column& column : columns_) {
    if (column.sink == nullptr) continue;
    GRANARY_TRY(FillTo(column, rows));
    auto array = column.builder->Finish();
    if (!array.ok()) return Status::Internal(array.status().ToString());
    arrays.push_back(array.MoveValueUnsafe());
  }
  parsed.batch = arrow::RecordBatch::Make(parsed.schema->ToArrow(), rows, std::move(arrays));
  return parsed;
}

SchemaPtr ColumnSet::FinalSchema(ParsedRecords& parsed) const {
  if (!evolved_) return schema_;
  std::vector<granary::Column> columns;
  ColumnId last_id = schema_->last_id();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const Column& column = columns_[i];
    if (column.sink == nullptr) continue;
    columns.push_back({column.is_new() ? ++last_id : column.id, column.name, column.type});
    if (column.is_new() || column.widened_row < 0) continue;
    parsed.widened.push_back({column.id, column.name, column.widened_row, {}});
  }
  return std::make_shared<const Schema>(schema_->version() + 1, last_id, std::move(columns));
}

}  // namespace granary::json
