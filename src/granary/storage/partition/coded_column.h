// CodedColumn: the partition values of a column, each distinct one once, and a small number for
// each row.
#pragma once

#include <cstdint>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/storage/partition/partition.h"

namespace granary::storage {

struct CodedColumn {
  std::vector<std::uint32_t> codes;  ///< One a row: positions in `keys`.
  std::vector<Value> keys;           ///< In order of first appearance; null among them when met.
};

/// Transforms each row of `array`, which is of the type's Arrow shape. Neighbours with one key, the
/// usual case in logs, cost a comparison.
CodedColumn CodeColumn(const Transform& transform, const DataType& type, const arrow::Array& array);

}  // namespace granary::storage
