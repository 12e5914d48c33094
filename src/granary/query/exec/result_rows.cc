#include "granary/query/exec/result_rows.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
#include <arrow/compute/api_vector.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>

#include "granary/json/json_path.h"

namespace granary::query {
namespace {

template <typename T>
Result<T> FromArrow(arrow::Result<T> result) {
  if (!result.ok()) return Status::Internal(result.status().ToString());
  return result.MoveValueUnsafe();
}

template <typename ArrayType, typename T>
std::shared_ptr<arrow::Array> Positions(const std::vector<T>& rows, std::int64_t count) {
  return std::make_shared<ArrayType>(count, arrow::Buffer::Wrap(rows));
}

Result<std::shared_ptr<arrow::Array>> TakeRows(const std::shared_ptr<arrow::Array>& column,
                                               const std::shared_ptr<arrow::Array>& positions) {
  return FromArrow(
      arrow::compute::Take(*column, *positions, arrow::compute::TakeOptions::NoBoundsCheck()));
}

}  // namespace

Result<ResultBatch> MakeResult(const SearchPlan& plan, std::size_t source,
                               const arrow::RecordBatch& decoded,
                               const std::optional<std::vector<std::int32_t>>& chosen,
                               std::int64_t rows_max) {
  const std::int64_t rows =
      std::min(rows_max, chosen ? static_cast<std::int64_t>(chosen->size()) : decoded.num_rows());
  std::shared_ptr<arrow::Array> positions;
  if (chosen) positions = Positions<arrow::Int32Array>(*chosen, rows);

  ResultBatch result;
  result.source = plan.rows[source].snapshot().id;
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const ShownColumn& shown : plan.shown[source]) {
    std::shared_ptr<arrow::Array> array;
    if (shown.position < 0) {
      GRANARY_ASSIGN(array, FromArrow(arrow::MakeArrayOfNull(shown.column.type.ToArrow(), rows)));
    } else if (chosen) {
      GRANARY_ASSIGN(array, TakeRows(decoded.column(shown.position), positions));
    } else {
      array = decoded.column(shown.position)->Slice(0, rows);
    }
    if (!shown.path.empty()) {
      GRANARY_ASSIGN(array, json::ExtractPath(*array, shown.path));
    }
    fields.push_back(arrow::field(shown.column.name, array->type()));
    arrays.push_back(std::move(array));
    result.columns.push_back(shown.column);
  }
  result.batch =
      arrow::RecordBatch::Make(arrow::schema(std::move(fields)), rows, std::move(arrays));
  return result;
}

Result<ResultBatch> Reorder(const std::vector<ResultBatch>& parts,
                            const std::vector<std::int64_t>& order,
                            const runtime::CancelToken& cancel) {
  const auto rows = static_cast<std::int64_t>(order.size());
  const auto positions = Positions<arrow::Int64Array>(order, rows);
  ResultBatch result = parts.front();
  arrow::ArrayVector arrays;
  for (int column = 0; column < result.batch->num_columns(); ++column) {
    GRANARY_TRY(cancel.Check());
    arrow::ArrayVector pieces;
    for (const ResultBatch& part : parts) pieces.push_back(part.batch->column(column));
    GRANARY_ASSIGN(const auto joined, FromArrow(arrow::Concatenate(pieces)));
    GRANARY_ASSIGN(auto taken, TakeRows(joined, positions));
    arrays.push_back(std::move(taken));
  }
  result.batch = arrow::RecordBatch::Make(result.batch->schema(), rows, std::move(arrays));
  return result;
}

Status EmitSlices(const ResultBatch& rows, std::int64_t batch_rows, const SearchSink& sink) {
  for (std::int64_t first = 0; first < rows.batch->num_rows(); first += batch_rows) {
    ResultBatch slice = rows;
    slice.batch = rows.batch->Slice(first, batch_rows);
    GRANARY_TRY(sink(slice));
  }
  return Status::Ok();
}

}  // namespace granary::query
