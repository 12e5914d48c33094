#include "granary/storage/index/row_key_sort.h"

#include <algorithm>
#include <array>
#include <utility>

namespace granary::storage {
namespace {

constexpr int kDigitBits = 11;  // Six passes over 64 bits, and counts that stay in the L1 cache.
constexpr std::size_t kDigits = std::size_t{1} << kDigitBits;
constexpr std::size_t kSmall = 1024;  // Fewer keys are sooner compared than counted.

std::size_t DigitAt(std::uint64_t key, int shift) { return key >> shift & (kDigits - 1); }

/// Keeps the order of keys with the same digit.
void SortByDigit(const std::vector<RowKey>& from, int shift, std::vector<RowKey>& to) {
  std::array<std::size_t, kDigits> places{};
  for (const RowKey& each : from) ++places[DigitAt(each.key, shift)];
  std::size_t before = 0;
  for (std::size_t& place : places) before += std::exchange(place, before);
  for (const RowKey& each : from) to[places[DigitAt(each.key, shift)]++] = each;
}

}  // namespace

void SortRowKeys(std::vector<RowKey>& keys) {
  if (keys.size() < kSmall) {
    std::sort(keys.begin(), keys.end());
    return;
  }
  std::uint64_t differs = 0;
  for (const RowKey& each : keys) differs |= each.key ^ keys.front().key;
  std::vector<RowKey> other(keys.size());
  for (int shift = 0; shift < 64; shift += kDigitBits) {
    if (DigitAt(differs, shift) == 0) continue;
    SortByDigit(keys, shift, other);
    keys.swap(other);
  }
}

}  // namespace granary::storage
