// The integers that a column can hold: integer types, and decimals by their unscaled value.
#pragma once

#include "granary/base/int128.h"
#include "granary/types/data_type.h"
#include "granary/types/value.h"

namespace granary {

struct IntegerDomain {
  Int128 min = 0;
  Int128 max = 0;
  bool Has(Int128 value) const { return value >= min && value <= max; }
};

/// Of an integer or decimal type: -128…127 for int8, ±(10^p - 1) for decimal(p,s).
IntegerDomain DomainOf(const DataType& type);
/// An integer of that domain as the type's Value.
Value MakeInteger(Int128 value, const DataType& type);
/// The other way round: what an integer or decimal Value holds.
Int128 IntegerOf(const Value& value);

}  // namespace granary
