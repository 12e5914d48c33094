// ToFloats: an Arrow column of numbers as floats, none of them another number than it was.
//
// Promise    a whole number (an integer, a decimal without places) is there exactly; a float64 becomes
//            the nearest float32 and another decimal the nearest float, as their texts would.
// Errors     kInvalidRecord for a whole number that no such float is, and for a finite number beyond the
//            largest float32.
// Threads    pure.
#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/types/data_type.h"

namespace granary::formats {

/// `array` of a numeric type's Arrow form; `to` is float32 or float64.
Result<std::shared_ptr<arrow::Array>> ToFloats(const std::shared_ptr<arrow::Array>& array,
                                               const DataType& to, arrow::MemoryPool* pool);

}  // namespace granary::formats
