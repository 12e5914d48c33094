// BlockCache: blocks of index files that were read and checked, within a budget of bytes; the least
// recently used go first.
//
// Threads    fully safe; locks are per shard.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "granary/base/status.h"
#include "granary/runtime/memory_budget.h"
#include "granary/storage/index/index_block.h"

namespace granary::storage {

class BlockCache {
 public:
  using Block = std::shared_ptr<const IndexBlock>;

  /// `parent`, when there is one, counts what is held here and outlives this; what it is asked for
  /// beyond its limit is taken from here first.
  explicit BlockCache(std::uint64_t bytes_max, runtime::MemoryBudget* parent = nullptr);
  ~BlockCache();

  /// A name for the blocks of one open file, never given again.
  std::uint64_t NewFile() { return next_file_.fetch_add(1, std::memory_order_relaxed); }

  /// The block, from here or from `read` (called without a lock; its failure is returned and not
  /// kept).
  Result<Block> Get(std::uint64_t file, std::uint64_t offset,
                    const std::function<Result<IndexBlock>()>& read);

  std::uint64_t bytes() const;

 private:
  static constexpr std::size_t kShards = 16;
  struct Key {
    std::uint64_t file, offset;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };
  struct Entry {
    Key key;
    Block block;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> entries;  // The most recently used first.
    std::unordered_map<Key, std::list<Entry>::iterator, KeyHash> by_key;
    std::uint64_t bytes = 0;
  };

  Block Find(Shard& shard, const Key& key) const;
  void Insert(Shard& shard, const Key& key, const Block& block);
  /// Drops the oldest block of the shard, which has one and is locked; returns what that freed.
  std::uint64_t DropOldest(Shard& shard, std::list<Entry>& dropped);
  std::uint64_t GiveBack(std::uint64_t bytes);

  const std::uint64_t shard_bytes_max_;
  std::atomic<std::uint64_t> next_file_ = 1;
  std::array<Shard, kShards> shards_;
  runtime::MemoryBudget budget_;
  std::optional<runtime::MemoryBudget::Reclaimer> reclaimer_;
};

}  // namespace granary::storage
