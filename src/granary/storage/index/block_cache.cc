#include "granary/storage/index/block_cache.h"

#include "granary/storage/stats/value_hash.h"

namespace granary::storage {
namespace {

constexpr std::uint64_t kEntryOverheadBytes = 128;  // List and map nodes.

std::uint64_t CostOf(const IndexBlock& block) { return block.bytes() + kEntryOverheadBytes; }

}  // namespace

BlockCache::BlockCache(std::uint64_t bytes_max, runtime::MemoryBudget* parent)
    : shard_bytes_max_(bytes_max / kShards),
      budget_("index_cache", runtime::MemoryBudget::kNoLimit, parent),
      reclaimer_(std::in_place, budget_, [this](std::uint64_t bytes) { return GiveBack(bytes); }) {}

// First nobody asks for it any more.
BlockCache::~BlockCache() {
  reclaimer_.reset();
  budget_.Release(bytes());
}

std::size_t BlockCache::KeyHash::operator()(const Key& key) const {
  return HashInteger(HashInteger(key.file) ^ key.offset);
}

BlockCache::Block BlockCache::Find(Shard& shard, const Key& key) const {
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_key.find(key);
  if (found == shard.by_key.end()) return nullptr;
  shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
  return found->second->block;
}

std::uint64_t BlockCache::DropOldest(Shard& shard, std::list<Entry>& dropped) {
  const auto last = std::prev(shard.entries.end());
  const std::uint64_t cost = CostOf(*last->block);
  shard.bytes -= cost;
  budget_.Release(cost);
  shard.by_key.erase(last->key);
  dropped.splice(dropped.begin(), shard.entries, last);
  return cost;
}

void BlockCache::Insert(Shard& shard, const Key& key, const Block& block) {
  const std::uint64_t cost = CostOf(*block);
  // Not under the shard's lock: the budget may ask this cache to give something back.
  if (cost > shard_bytes_max_ || budget_.TryReserve(cost) != nullptr) return;
  std::list<Entry> dropped;  // Freed after the lock.
  const std::lock_guard lock(shard.mutex);
  if (shard.by_key.contains(key)) {
    budget_.Release(cost);
    return;
  }
  shard.entries.push_front({key, block});
  shard.by_key[key] = shard.entries.begin();
  shard.bytes += cost;
  while (shard.bytes > shard_bytes_max_) DropOldest(shard, dropped);
}

std::uint64_t BlockCache::GiveBack(std::uint64_t bytes) {
  std::list<Entry> dropped;  // Freed after the locks.
  std::uint64_t given = 0;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    while (given < bytes && !shard.entries.empty()) given += DropOldest(shard, dropped);
  }
  return given;
}

Result<BlockCache::Block> BlockCache::Get(std::uint64_t file, std::uint64_t offset,
                                          const std::function<Result<IndexBlock>()>& read) {
  const Key key{file, offset};
  Shard& shard = shards_[KeyHash()(key) % kShards];
  if (Block block = Find(shard, key)) return block;
  GRANARY_ASSIGN(IndexBlock read_now, read());
  Block block = std::make_shared<const IndexBlock>(std::move(read_now));
  Insert(shard, key, block);
  return block;
}

std::uint64_t BlockCache::bytes() const {
  std::uint64_t total = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    total += shard.bytes;
  }
  return total;
}

}  // namespace granary::storage
