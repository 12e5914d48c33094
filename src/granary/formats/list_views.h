// ListsOfViews: list views as the lists that they stand for, at any depth.
//
// Why not    Arrow's cast: that of version 26.0.1 makes a list with an offset too few, so that its
//            last element is whatever lies behind it in memory.
// Threads    pure.
#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"

namespace granary::formats {

/// The array itself when it holds no list view. What is inside of structs and maps stays.
Result<std::shared_ptr<arrow::Array>> ListsOfViews(const std::shared_ptr<arrow::Array>& array,
                                                   arrow::MemoryPool* pool);

}  // namespace granary::formats
