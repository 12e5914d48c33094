#include "granary/query/exec/block_hash.h"

#include <cmath>

#include "granary/base/hash.h"

namespace granary::query {
namespace {

constexpr std::uint64_t kNullHash = 0x9E37'79B9'7F4A'7C15ull;

template <typename T>
std::uint64_t HashOf(const T& value) {
  return Hash64({reinterpret_cast<const char*>(&value), sizeof value});
}

std::uint64_t Join(std::uint64_t left, std::uint64_t right) {
  left ^= right + kNullHash + (left << 12) + (left >> 4);
  left *= 0xFF51'AFD7'ED55'8CCDull;
  return left ^ (left >> 33);
}

}  // namespace

std::uint64_t HashAt(const ValueBlock& block, std::int64_t i) {
  switch (block.kind()) {
    case ValueKind::kInt64: return HashOf(block.ints()[i]);
    case ValueKind::kUInt64: return HashOf(block.naturals()[i]);
    case ValueKind::kInt128: return HashOf(block.decimals()[i]);
    case ValueKind::kBytes: return Hash64(block.bytes(i));
    case ValueKind::kDouble: break;
  }
  const double value = block.doubles()[i];
  if (std::isnan(value)) return HashOf(std::nan(""));
  return HashOf(value == 0 ? 0.0 : value);
}

std::uint64_t HashInGroup(const ValueBlock& block, std::int64_t i, std::uint32_t group) {
  return Join(group, HashAt(block, i));
}

void HashRows(std::span<const ValueBlock> blocks, std::int64_t rows,
              std::vector<std::uint64_t>& hashes) {
  hashes.assign(static_cast<std::size_t>(rows), 0);
  for (const ValueBlock& block : blocks) {
    for (std::int64_t i = 0; i < rows; ++i) {
      std::uint64_t& hash = hashes[static_cast<std::size_t>(i)];
      hash = Join(hash, block.IsValid(i) ? HashAt(block, i) : kNullHash);
    }
  }
}

}  // namespace granary::query
