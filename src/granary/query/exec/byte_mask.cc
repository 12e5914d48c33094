#include "granary/query/exec/byte_mask.h"

#include <array>
#include <cstring>

namespace granary::query {
namespace {

/// Eight bits spread over eight bytes, the lowest bit first.
constexpr std::array<std::uint64_t, 256> kSpread = [] {
  std::array<std::uint64_t, 256> table{};
  for (std::size_t bits = 0; bits < 256; ++bits) {
    for (std::size_t i = 0; i < 8; ++i) {
      if ((bits >> i) & 1u) table[bits] |= std::uint64_t{1} << (8 * i);
    }
  }
  return table;
}();

std::uint8_t BitAt(const std::uint8_t* bitmap, std::int64_t bit) {
  return static_cast<std::uint8_t>((bitmap[bit >> 3] >> (bit & 7)) & 1);
}

/// Calls single(i, bit) up to a byte border and past the last one, eight(i, spread) between.
template <typename Single, typename Eight>
void ForBits(const std::uint8_t* bitmap, std::int64_t first_bit, std::int64_t count, Single single,
             Eight eight) {
  std::int64_t i = 0;
  for (; i < count && ((first_bit + i) & 7) != 0; ++i) single(i, BitAt(bitmap, first_bit + i));
  for (; i + 8 <= count; i += 8) eight(i, kSpread[bitmap[(first_bit + i) >> 3]]);
  for (; i < count; ++i) single(i, BitAt(bitmap, first_bit + i));
}

}  // namespace

void AndBits(const std::uint8_t* bitmap, std::int64_t first_bit, std::int64_t count,
             std::uint8_t* out) {
  ForBits(
      bitmap, first_bit, count, [&](std::int64_t i, std::uint8_t bit) { out[i] &= bit; },
      [&](std::int64_t i, std::uint64_t spread) {
        std::uint64_t word;
        std::memcpy(&word, out + i, 8);
        word &= spread;
        std::memcpy(out + i, &word, 8);
      });
}

void ExpandBits(const std::uint8_t* bitmap, std::int64_t first_bit, std::int64_t count,
                std::uint8_t* out) {
  ForBits(
      bitmap, first_bit, count, [&](std::int64_t i, std::uint8_t bit) { out[i] = bit; },
      [&](std::int64_t i, std::uint64_t spread) { std::memcpy(out + i, &spread, 8); });
}

bool AnySet(const std::uint8_t* mask, std::int64_t count) {
  return std::memchr(mask, 1, static_cast<std::size_t>(count)) != nullptr;
}

void AppendSetRows(const std::uint8_t* mask, std::int64_t count, std::int32_t first_row,
                   std::vector<std::int32_t>& rows) {
  const std::size_t before = rows.size();
  rows.resize(before + static_cast<std::size_t>(count));
  std::int32_t* out = rows.data() + before;
  for (std::int64_t i = 0; i < count; ++i) {
    *out = first_row + static_cast<std::int32_t>(i);
    out += mask[i];
  }
  rows.resize(static_cast<std::size_t>(out - rows.data()));
}

}  // namespace granary::query
