// SegmentFiles: what the segments of a store are read through: open files, blocks of indexes, and
// the list of indexes that turned out damaged.
//
// Threads    fully safe.
#pragma once

#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>

#include "granary/base/log.h"
#include "granary/io/file_system.h"
#include "granary/runtime/memory_budget.h"
#include "granary/storage/index/block_cache.h"
#include "granary/storage/index/index_reader.h"
#include "granary/storage/segment/segment_meta.h"
#include "granary/storage/segment/segment_reader.h"
#include "granary/storage/source/column_cache.h"
#include "granary/storage/source/reader_cache.h"

namespace granary::storage {

struct IndexFileId {
  SegmentId segment;
  IndexKey key;
  auto operator<=>(const IndexFileId&) const = default;
};

/// Indexes that could not be read. They are not asked again, and are built anew in the background.
class DamagedIndexes {
 public:
  /// True when it was not known yet.
  bool Add(const IndexFileId& index) {
    const std::lock_guard lock(mutex_);
    const bool is_new = indexes_.insert(index).second;
    count_ += is_new;
    return is_new;
  }
  void Remove(const IndexFileId& index) {
    const std::lock_guard lock(mutex_);
    indexes_.erase(index);
  }
  /// How many were ever added.
  std::uint64_t count() const { return count_; }
  bool Contains(const IndexFileId& index) const {
    const std::lock_guard lock(mutex_);
    return indexes_.contains(index);
  }

 private:
  mutable std::mutex mutex_;
  std::set<IndexFileId> indexes_;
  std::atomic<std::uint64_t> count_ = 0;
};

/// Segments whose page index could not be used, each of which is told of once.
class DistrustedPages {
 public:
  /// True when it was not known yet.
  bool Add(SegmentId segment) {
    const std::lock_guard lock(mutex_);
    return segments_.insert(segment).second;
  }
  void Remove(SegmentId segment) {
    const std::lock_guard lock(mutex_);
    segments_.erase(segment);
  }

 private:
  std::mutex mutex_;
  std::set<SegmentId> segments_;
};

struct SegmentFilesOptions {
  std::size_t open_segments_max = 512;
  std::size_t open_indexes_max = 1024;
  std::uint64_t index_cache_bytes = 64u << 20;
  std::uint64_t column_cache_bytes = 256u << 20;
  /// What open files know of themselves: footers of wide sources take megabytes.
  std::uint64_t open_bytes_max = runtime::MemoryBudget::kNoLimit;
};

struct SegmentFiles {
  SegmentFiles(io::FileSystem& file_system, const SegmentFilesOptions& options,
               runtime::MemoryBudget* memory = nullptr, Logger& logger = Logger::Null())
      : files(file_system),
        log(logger),
        blocks(options.index_cache_bytes, memory),
        columns(options.column_cache_bytes, memory),
        open_files("open_files", options.open_bytes_max, memory),
        readers(options.open_segments_max, open_files),
        indexes(options.open_indexes_max, open_files) {}

  /// Closes the files of a segment that is gone: an open one would keep its space.
  void Forget(const SegmentMeta& meta) {
    readers.Forget(meta.id);
    columns.Forget(meta.id);
    distrusted_pages.Remove(meta.id);
    for (const IndexMeta& index : meta.indexes) {
      indexes.Forget({meta.id, index.key});
      damaged.Remove({meta.id, index.key});
    }
  }

  io::FileSystem& files;
  Logger& log;
  BlockCache blocks;  // Outlives the index readers below.
  ColumnCache columns;
  runtime::MemoryBudget open_files;
  ReaderCache<SegmentId, SegmentReader> readers;
  ReaderCache<IndexFileId, IndexReader> indexes;
  DamagedIndexes damaged;
  DistrustedPages distrusted_pages;
};

}  // namespace granary::storage
