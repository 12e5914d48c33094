// TakeRows: chosen rows of a column as a column of their own.
//
// Why        Arrow's kernel for this looks up a function, its options and its signature before it
//            takes the first row, which is most of what a look-up of one record costs. It is asked
//            for lists alone.
// Promise    positions are within the column (the caller's). A coded column comes out plain.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"

namespace granary::query {

Result<std::shared_ptr<arrow::Array>> TakeRows(const std::shared_ptr<arrow::Array>& column,
                                               std::span<const std::int32_t> rows);
Result<std::shared_ptr<arrow::Array>> TakeRows(const std::shared_ptr<arrow::Array>& column,
                                               std::span<const std::int64_t> rows);
/// The first rows, as a view where they are plain already.
Result<std::shared_ptr<arrow::Array>> FirstRows(const std::shared_ptr<arrow::Array>& column,
                                                std::int64_t rows);
Result<std::shared_ptr<arrow::RecordBatch>> TakeRows(const arrow::RecordBatch& batch,
                                                     std::span<const std::int32_t> rows);

}  // namespace granary::query
