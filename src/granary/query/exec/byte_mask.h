// Byte masks: one byte a row, 0 or 1; what filters compute with.
//
// Why        a byte a row lets comparisons, AND and OR be plain loops that the compiler turns into
//            vector instructions; bitmaps are for storage.
#pragma once

#include <cstdint>
#include <vector>

namespace granary::query {

using ByteMask = std::vector<std::uint8_t>;

/// out[i] &= bit (first_bit + i) of `bitmap`.
void AndBits(const std::uint8_t* bitmap, std::int64_t first_bit, std::int64_t count,
             std::uint8_t* out);
/// out[i] = bit (first_bit + i) of `bitmap`.
void ExpandBits(const std::uint8_t* bitmap, std::int64_t first_bit, std::int64_t count,
                std::uint8_t* out);

bool AnySet(const std::uint8_t* mask, std::int64_t count);

/// Appends first_row + i for every set byte.
void AppendSetRows(const std::uint8_t* mask, std::int64_t count, std::int32_t first_row,
                   std::vector<std::int32_t>& rows);

}  // namespace granary::query
