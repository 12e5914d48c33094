// 128-bit integers: exact sums of 64-bit ones, and decimals of up to 38 digits.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace granary {

// __extension__: the type is a GNU one, and -Wpedantic is right to ask whether that is meant.
__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

inline constexpr Int128 kInt128Max = static_cast<Int128>(~UInt128{0} >> 1);
inline constexpr Int128 kInt128Min = -kInt128Max - 1;

/// Decimal digits, with a '-' in front of negative ones.
std::string ToString(Int128 value);

/// Reads all of ^-?[0-9]+$; nothing when `text` is anything else or does not fit.
std::optional<Int128> ParseInt128(std::string_view text);

}  // namespace granary
