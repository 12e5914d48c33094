// CommonType: the one type in which values of two columns are compared, grouped and added up.
#pragma once

#include <optional>

#include "granary/types/data_type.h"

namespace granary::query {

/// int32 and int64: int64; int64 and uint64: decimal(20,0); integers or decimals and floats:
/// float64; decimals: what holds both; a date and an instant, or two instants: the finer instant.
/// Nothing for any other mix, and for decimals that would need more than 38 digits.
std::optional<DataType> CommonType(const DataType& a, const DataType& b);

}  // namespace granary::query
