// The hash that distinct sketches are made of: the same for equal values, also for those of integer
// and float types of other widths, so that a sketch outlives the widening of its column.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include "granary/base/hash.h"
#include "granary/base/int128.h"
#include "granary/types/value.h"

namespace granary::storage {

/// One NaN and one zero, whatever bits they came with.
inline double CanonicalDouble(double value) {
  if (value != value) return std::numeric_limits<double>::quiet_NaN();
  return value + 0.0;  // -0.0 + 0.0 is 0.0.
}

/// Finalises 64 bits; "mix13" of David Stafford's variants of MurmurHash3's finaliser.
inline std::uint64_t HashInteger(std::uint64_t bits) {
  bits += 0x9E3779B97F4A7C15;
  bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9;
  bits = (bits ^ bits >> 27) * 0x94D049BB133111EB;
  return bits ^ bits >> 31;
}
inline std::uint64_t HashDouble(double value) {
  return HashInteger(std::bit_cast<std::uint64_t>(CanonicalDouble(value)));
}
inline std::uint64_t HashInt128(Int128 value) {
  return HashInteger(HashInteger(static_cast<std::uint64_t>(value >> 64)) ^
                     static_cast<std::uint64_t>(value));
}
inline std::uint64_t HashBytes(std::string_view bytes) { return Hash64(bytes); }

/// The same hash of a Value; 0 for null.
std::uint64_t HashValue(const Value& value);

}  // namespace granary::storage
