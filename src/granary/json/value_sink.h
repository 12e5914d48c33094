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

/// How a number's spelling counts.
enum class NumberRule : std::uint8_t {
  kByValue,  ///< The column's type was declared: 2.0 is an integer, an integer becomes the nearest
             ///< float.
  kByKind,   ///< The type is only being found out: 2.0 is no integer, and an integer that no float
             ///< equals is no float. So the order of the records does not matter.
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
