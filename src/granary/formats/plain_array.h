// PlainArray: an Arrow column that came from outside in the shape that our columns have in memory:
// dictionaries and runs decoded, large and view types made ordinary, extension types opened.
//
// Threads    pure.
#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/types/data_type.h"

namespace granary::formats {

struct PlainArray {
  std::shared_ptr<arrow::Array> array;  ///< Of type.ToArrow().
  DataType type;
};

/// kUnsupported for a type that no column holds, by name (structs and maps among them:
/// ToJsonTexts); kInvalidRecord for values that the shape cannot hold exactly.
Result<PlainArray> ToPlainArray(const std::shared_ptr<arrow::Array>& array,
                                arrow::MemoryPool* pool);

/// The same values in the type of a column. kInvalidRecord when one of them has no equal there (but
/// a float64 becomes the nearest float32, a decimal with places the nearest float), a date or
/// instant is outside the years 0001 to 9999, or the types have nothing in common.
Result<std::shared_ptr<arrow::Array>> FitToType(const PlainArray& from, const DataType& to,
                                                arrow::MemoryPool* pool);

}  // namespace granary::formats
