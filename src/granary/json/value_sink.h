// ValueSink: JSON values of one column into the Arrow builder of its type.
//
// Place      RecordParser -> ColumnSet -> ValueSink. One virtual call a value.
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>

#include <arrow/type_fwd.h>

#include "granary/json/cell.h"
#include "granary/types/data_type.h"

namespace granary::json {

/// How the spelling of a number counts in an integer column. In a column of floats one rule holds
/// for all: a whole number is meant exactly, and refused where no such float equals it or is spelled
/// so (2^60 as 1152921504606847000); a fraction or an exponent becomes the nearest float. Doors that
/// say a number's type take what equals a float, and no spelling (formats/to_floats.h).
enum class NumberRule : std::uint8_t {
  kByValue,  ///< The column's type was declared: 2.0 is an integer.
  kByKind,   ///< The type is only being found out: 2.0 is no integer. So the order of the records
             ///< does not matter.
};

class ValueSink {
 public:
  virtual ~ValueSink() = default;

  /// The cell is not null.
  virtual Taken Append(Cell& cell, CellContext& context) = 0;
  virtual arrow::ArrayBuilder& builder() = 0;
};

std::unique_ptr<ValueSink> MakeSink(const DataType& type, NumberRule rule);

}  // namespace granary::json
