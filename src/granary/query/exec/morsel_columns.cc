#include "granary/query/exec/morsel_columns.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>

#include "granary/json/json_path.h"
#include "granary/query/exec/json_values.h"

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
  const bool plain =
      ref->path.empty() && (ref->type.kind() != TypeKind::kJson || use == ColumnUse::kPresence);
  if (plain) {
    if (scanned.selected) column.selected_ = scanned.selected->data();
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
