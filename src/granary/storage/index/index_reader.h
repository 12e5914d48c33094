// IndexReader: asks one index file which rows of its segment may have a value.
//
// Promise    never leaves out a row that has it (nulls have no key); may name others. Damage is
//            kCorruption, naming file and offset, before any of its rows are used.
// Threads    const from many.
// Owns       its file handle; `cache` outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/io/file_system.h"
#include "granary/storage/index/block_cache.h"
#include "granary/storage/index/index_meta.h"
#include "granary/storage/index/tree_reader.h"
#include "granary/types/value.h"

namespace granary::storage {

/// Rows that an index found, until there are too many of them to be of use.
struct FoundRows {
  std::size_t max = 0;
  std::vector<std::uint32_t> rows;  ///< In no order; none twice of one look-up.
  bool too_many = false;            ///< Then `rows` says nothing,
  bool keeps_first = false;         ///< or, with this, holds the first `max` that were found.

  bool Add(std::span<const std::uint32_t> more);
};

class IndexReader {
 public:
  /// Checks the footer against `meta` and the segment.
  static Result<std::shared_ptr<const IndexReader>> Open(io::FileSystem& files,
                                                         const std::string& directory,
                                                         const std::string& segment_path,
                                                         const IndexMeta& meta, SegmentId segment,
                                                         BlockCache& cache);
  ~IndexReader();

  const IndexKey& key() const { return meta_.key; }
  /// Its footer and file; blocks are the cache's.
  static constexpr std::uint64_t memory_bytes() { return 4u << 10; }
  std::uint64_t entries() const { return footer_.entries; }
  std::uint64_t keys() const { return footer_.keys; }

  /// hash, btree: the rows with that value, which is not null.
  Status FindEqual(const Value& value, FoundRows& found) const;
  /// btree: the rows between two values, both of which belong to it.
  Status FindRange(const std::optional<Value>& low, const std::optional<Value>& high,
                   FoundRows& found) const;
  /// btree over bytes.
  Status FindPrefix(std::string_view prefix, FoundRows& found) const;
  /// btree: the first rows in that order: `count` at least, and all that tie with the last of them.
  /// False when there are not so many rows with a value.
  Result<bool> FindFirst(KeyOrder order, std::size_t count, FoundRows& found) const;
  /// bloom: false when no row has the value.
  Result<bool> MayContain(const Value& value) const;

  /// Reads everything, block by block. kCorruption names the first damage.
  Status Verify() const;

 private:
  IndexReader(std::string path, IndexMeta meta, IndexFooterLayout footer,
              std::unique_ptr<io::RandomAccessFile> file, BlockCache& cache);
  Result<BlockCache::Block> Block(std::uint64_t offset, std::uint64_t bytes, BlockRole role) const;
  Status Visit(const KeyRange& range, KeyOrder order, const KeyVisitor& visit) const;

  const std::string path_;
  const IndexMeta meta_;
  const IndexFooterLayout footer_;
  const std::unique_ptr<io::RandomAccessFile> file_;
  BlockCache& cache_;
  const std::uint64_t cache_file_;
};

/// Prints footer, levels and keys of an index file for people, as far as it can be read, and checks
/// every block: kCorruption names the first damage.
Status DumpIndex(io::FileSystem& files, const std::string& path, std::string& out);

}  // namespace granary::storage
