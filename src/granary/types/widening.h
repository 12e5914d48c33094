// Widening: which types hold every value of another (IsSafeWidening, schema.h), and the cast
// itself.
#pragma once

#include <cstdint>
#include <memory>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/types/data_type.h"
#include "granary/types/schema.h"
#include "granary/types/value.h"

namespace granary {

/// Decimal digits that an integer type may need: 3 for int8, 20 for uint64. 0 for other types.
int DigitsOf(const DataType& type);

/// What it takes for a column of one type to become another.
enum class Widening : std::uint8_t {
  kAlways,      ///< Every value has an equal there: IsSafeWidening.
  kWhileExact,  ///< Only while each value that is stored has one: a 64-bit integer as float64, a
                ///< date or timestamp in a finer unit.
  kNever,
};
Widening WideningOf(const DataType& from, const DataType& to);

/// For kWhileExact: true when every value from `min` to `max` (neither null) has an equal in `to`:
/// an integer no further from 0 than 2^53, an instant that the finer unit still reaches.
bool HoldsBetween(const Value& min, const Value& max, const DataType& from, const DataType& to);

/// The array in another type's shape, every value equal. kInvalidArgument when some value has no
/// equal there (an int64 beyond 2^53 that is not a double), kInternal when the types are not
/// related.
Result<std::shared_ptr<arrow::Array>> WidenArray(const std::shared_ptr<arrow::Array>& array,
                                                 const DataType& from, const DataType& to);

/// The way back, for values that were of type `to` before `from`: kInternal when one has no equal
/// there, or when `to` never becomes `from`.
Result<std::shared_ptr<arrow::Array>> NarrowArray(const std::shared_ptr<arrow::Array>& array,
                                                  const DataType& from, const DataType& to);

}  // namespace granary
