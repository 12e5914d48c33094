// Widening: which types hold every value of another (IsSafeWidening, schema.h), and the cast
// itself.
#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/types/data_type.h"
#include "granary/types/schema.h"
#include "granary/types/value.h"

namespace granary {

/// Decimal digits that an integer type may need: 3 for int8, 20 for uint64. 0 for other types.
int DigitsOf(const DataType& type);

/// The array in another type's shape, every value equal. kInvalidArgument when some value has no
/// equal there (an int64 beyond 2^53 that is not a double), kInternal when the types are not
/// related.
Result<std::shared_ptr<arrow::Array>> WidenArray(const std::shared_ptr<arrow::Array>& array,
                                                 const DataType& from, const DataType& to);

}  // namespace granary
