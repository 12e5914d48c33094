#include "granary/storage/index/block_cache.h"

#include "granary/storage/stats/value_hash.h"

namespace granary::storage {
namespace {

constexpr std::uint64_t kEntryOverheadBytes = 128;  // List and map nodes, the string's header.

std::uint64_t CostOf(const std::string& block) { return block.size() + kEntryOverheadBytes; }

}  // namespace

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

void BlockCache::Insert(Shard& shard, const Key& key, const Block& block) const {
  std::list<Entry> dropped;  // Freed after the lock.
  const std::lock_guard lock(shard.mutex);
  if (shard.by_key.contains(key)) return;
  shard.entries.push_front({key, block});
  shard.by_key[key] = shard.entries.begin();
  shard.bytes += CostOf(*block);
  while (shard.bytes > shard_bytes_max_ && !shard.entries.empty()) {
    const auto last = std::prev(shard.entries.end());
    shard.bytes -= CostOf(*last->block);
    shard.by_key.erase(last->key);
    dropped.splice(dropped.begin(), shard.entries, last);
  }
}

Result<BlockCache::Block> BlockCache::Get(std::uint64_t file, std::uint64_t offset,
                                          const std::function<Result<std::string>()>& read) {
  const Key key{file, offset};
  Shard& shard = shards_[KeyHash()(key) % kShards];
  if (Block block = Find(shard, key)) return block;
  GRANARY_ASSIGN(std::string bytes, read());
  Block block = std::make_shared<const std::string>(std::move(bytes));
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
