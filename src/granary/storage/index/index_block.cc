#include "granary/storage/index/index_block.h"

#include <algorithm>
#include <utility>

namespace granary::storage {
namespace {

constexpr std::size_t kEntriesPerStop = 16;

}  // namespace

IndexBlock IndexBlock::Bits(std::string payload) { return {std::move(payload), BlockRole::kBits}; }

Result<IndexBlock> IndexBlock::Tree(std::string payload, BlockRole role) {
  IndexBlock block(std::move(payload), role);
  BlockCursor cursor = block.First();
  std::uint64_t offset = 0, bytes = 0;
  for (std::size_t entry = 0; !cursor.done(); ++entry) {
    if (!cursor.NextKey()) return Status::Corruption("does not decode");
    if (entry % kEntriesPerStop == 0) {
      const auto begin = static_cast<std::uint32_t>(block.keys_.size());
      block.keys_ += cursor.key();
      block.stops_.push_back(
          {static_cast<std::uint32_t>(block.payload_.size() - cursor.remaining()), begin,
           static_cast<std::uint32_t>(block.keys_.size())});
    }
    const bool whole =
        role == BlockRole::kLeaf ? cursor.SkipRows() : cursor.NextChild(offset, bytes);
    if (!whole) return Status::Corruption("does not decode");
  }
  block.stops_.shrink_to_fit();
  block.keys_.shrink_to_fit();
  return block;
}

std::uint64_t IndexBlock::bytes() const {
  return sizeof(IndexBlock) + payload_.capacity() + keys_.capacity() +
         stops_.capacity() * sizeof(Stop);
}

BlockCursor IndexBlock::Before(std::string_view low) const {
  const auto after = std::partition_point(stops_.begin(), stops_.end(),
                                          [&](const Stop& stop) { return KeyOf(stop) < low; });
  if (after == stops_.begin()) return First();
  const Stop& stop = *std::prev(after);
  return {std::string_view(payload_).substr(stop.rest), KeyOf(stop)};
}

}  // namespace granary::storage
