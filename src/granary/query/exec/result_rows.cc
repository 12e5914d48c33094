#include "granary/query/exec/result_rows.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <span>

#include "granary/json/json_path.h"
#include "granary/json/path_lanes.h"
#include "granary/query/exec/take_rows.h"
#include "granary/types/unnamed_batch.h"

namespace granary::query {
namespace {

template <typename T>
Result<T> FromArrow(arrow::Result<T> result) {
  if (!result.ok()) return Status::Internal(result.status().ToString());
  return result.MoveValueUnsafe();
}

}  // namespace

Result<ResultBatch> MakeResult(const SearchPlan& plan, std::size_t source,
                               const arrow::RecordBatch& decoded,
                               const std::optional<std::vector<std::int32_t>>& chosen,
                               std::int64_t rows_max) {
  const std::int64_t rows =
      std::min(rows_max, chosen ? static_cast<std::int64_t>(chosen->size()) : decoded.num_rows());
  std::span<const std::int32_t> taken;
  if (chosen) taken = std::span(*chosen).first(static_cast<std::size_t>(rows));

  ResultBatch result;
  result.source = plan.rows[source].snapshot().id;
  arrow::ArrayVector arrays;
  for (const ShownColumn& shown : plan.shown[source]) {
    std::shared_ptr<arrow::Array> array;
    if (shown.position < 0) {
      GRANARY_ASSIGN(array, FromArrow(arrow::MakeArrayOfNull(shown.column.type.ToArrow(), rows)));
    } else if (chosen) {
      GRANARY_ASSIGN(array, TakeRows(decoded.column(shown.position), taken));
    } else {
      GRANARY_ASSIGN(array, FirstRows(decoded.column(shown.position), rows));
    }
    if (!shown.path.empty()) {
      GRANARY_ASSIGN(array, json::IsPathLanes(*array) ? json::ExtractLanes(*array, shown.path)
                                                      : json::ExtractPath(*array, shown.path));
    }
    arrays.push_back(std::move(array));
    result.columns.push_back(shown.column);
  }
  result.batch = UnnamedBatch(rows, std::move(arrays));
  return result;
}

Result<ReorderedRows> ReorderedRows::Make(const std::vector<ResultBatch>& parts,
                                          std::vector<std::int64_t> order,
                                          const runtime::CancelToken& cancel) {
  ReorderedRows rows;
  rows.joined_ = parts.front();
  arrow::ArrayVector columns;
  for (int column = 0; column < rows.joined_.batch->num_columns(); ++column) {
    GRANARY_TRY(cancel.Check());
    arrow::ArrayVector pieces;
    for (const ResultBatch& part : parts) pieces.push_back(part.batch->column(column));
    GRANARY_ASSIGN(auto joined, FromArrow(arrow::Concatenate(pieces)));
    columns.push_back(std::move(joined));
  }
  rows.joined_.batch = UnnamedBatch(static_cast<std::int64_t>(order.size()), std::move(columns));
  rows.order_ = std::move(order);
  return rows;
}

Result<ResultBatch> ReorderedRows::Slice(std::int64_t first, std::int64_t rows) const {
  const auto chosen =
      std::span(order_).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(rows));
  ResultBatch slice = joined_;
  arrow::ArrayVector columns;
  for (const auto& column : joined_.batch->columns()) {
    GRANARY_ASSIGN(auto taken, TakeRows(column, chosen));
    columns.push_back(std::move(taken));
  }
  slice.batch = UnnamedBatch(rows, std::move(columns));
  return slice;
}

Status EmitSlices(const ResultBatch& rows, std::int64_t batch_rows, const SearchSink& sink) {
  if (rows.batch->num_rows() > 0 && rows.batch->num_rows() <= batch_rows) return sink(rows);
  for (std::int64_t first = 0; first < rows.batch->num_rows(); first += batch_rows) {
    ResultBatch slice = rows;
    slice.batch = rows.batch->Slice(first, batch_rows);
    GRANARY_TRY(sink(slice));
  }
  return Status::Ok();
}

}  // namespace granary::query
