// UnnamedBatch: columns on their way through the engine, where each is known by its place.
//
// Why        an Arrow schema keeps a hash map of its names; to make and to free one costs more than
//            picking a row does. These batches share one schema for each number of columns: it
//            tells that number and neither names nor types. The arrays tell their types.
// Threads    a pure function.
#pragma once

#include <cstdint>
#include <memory>

#include <arrow/type_fwd.h>

namespace granary {

/// For code that never asks the batch's schema. `columns` have `rows` rows each.
std::shared_ptr<arrow::RecordBatch> UnnamedBatch(std::int64_t rows, arrow::ArrayVector columns);

}  // namespace granary
