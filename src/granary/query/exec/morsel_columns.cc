#include "granary/query/exec/morsel_columns.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>

#include "granary/json/json_path.h"
#include "granary/json/path_lanes.h"
#include "granary/query/exec/json_values.h"
#include "granary/query/exec/number_texts.h"
#include "granary/query/exec/take_rows.h"

namespace granary::query {
namespace {

/// The matching rows of a string array.
Result<std::shared_ptr<arrow::Array>> Matching(
    const std::shared_ptr<arrow::Array>& texts,
    const std::optional<std::vector<std::int32_t>>& selected) {
  if (!selected) return texts;
  const auto& in = static_cast<const arrow::StringArray&>(*texts);
  arrow::StringBuilder builder;
  for (const std::int32_t row : *selected) {
    const arrow::Status added =
        in.IsNull(row) ? builder.AppendNull() : builder.Append(in.GetView(row));
    if (!added.ok()) return Status::Internal(added.ToString());
  }
  std::shared_ptr<arrow::Array> out;
  if (const arrow::Status done = builder.Finish(&out); !done.ok())
    return Status::Internal(done.ToString());
  return out;
}

}  // namespace

Result<MorselColumn> MorselColumn::Make(const ScannedRows& scanned,
                                        const std::optional<ColumnRef>& ref, int position,
                                        ColumnUse use) {
  MorselColumn column;
  column.use_ = use;
  if (!ref) return column;
  column.type_ = ref->type;
  column.array_ = scanned.batch->column(position);
  if (use == ColumnUse::kNumberTexts) {
    const RowRange rows{0, scanned.matches(),
                        scanned.selected ? scanned.selected->data() : nullptr};
    GRANARY_ASSIGN(column.array_, NumberTexts(*column.array_, ref->type, rows));
    column.type_ = TypeKind::kJson;
    return column;
  }
  const bool plain =
      ref->path.empty() && (ref->type.kind() != TypeKind::kJson || use == ColumnUse::kPresence);
  if (plain) {
    if (scanned.selected) column.selected_ = scanned.selected->data();
    return column;
  }
  if (json::IsPathLanes(*column.array_)) {
    GRANARY_TRY(column.TakeLanes(scanned, ref->path));
    return column;
  }
  GRANARY_ASSIGN(column.array_, Matching(column.array_, scanned.selected));
  if (!ref->path.empty()) {
    GRANARY_ASSIGN(column.array_, json::ExtractPath(*column.array_, ref->path));
  }
  if (use == ColumnUse::kCanonical) {
    GRANARY_ASSIGN(column.array_, CanonicalTexts(*column.array_));
  }
  if (use == ColumnUse::kNumbers) {
    GRANARY_ASSIGN(column.array_, NumbersOf(*column.array_));
    column.type_ = TypeKind::kFloat64;
  }
  return column;
}

/// A path's values from typed columns: texts are made of what is wanted alone.
Status MorselColumn::TakeLanes(const ScannedRows& scanned, const std::vector<std::string>& path) {
  if (scanned.selected) {
    GRANARY_ASSIGN(array_, TakeRows(array_, std::span<const std::int32_t>(*scanned.selected)));
  }
  if (use_ == ColumnUse::kNumbers) {
    type_ = TypeKind::kFloat64;
    if (auto numbers = json::NumbersOfLanes(*array_)) {
      array_ = std::move(numbers);
      return Status::Ok();
    }
    GRANARY_ASSIGN(const auto texts, json::ExtractLanes(*array_, path));
    GRANARY_ASSIGN(array_, NumbersOf(*texts));
    return Status::Ok();
  }
  GRANARY_ASSIGN(array_, json::ExtractCodedLanes(*array_, path));
  // Coded are strings alone, each of which is its own canonical text.
  if (use_ == ColumnUse::kCanonical && array_->type_id() != arrow::Type::DICTIONARY) {
    GRANARY_ASSIGN(array_, CanonicalTexts(*array_));
  }
  return Status::Ok();
}

Status MorselColumn::Load(std::int64_t first, std::int64_t count, const DataType& to,
                          ValueBlock& block) const {
  if (array_ == nullptr) {
    block.LoadNulls(to, count);
    return Status::Ok();
  }
  const RowRange rows{first, count, selected_};
  if (use_ == ColumnUse::kPresence) {
    block.LoadPresence(*array_, rows);
    return Status::Ok();
  }
  return block.Load(*array_, type_, to, rows);
}

}  // namespace granary::query
