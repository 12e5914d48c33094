// HotEnds: since when rows of one chunk of the hot tier are replaced by later records of the same
// key.
//
// Cost       nothing until the first row of the chunk is replaced; then eight bytes a row.
// Threads    one writer; readers at any time see a row as replaced or not yet.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace granary::storage {

class HotEnds {
 public:
  HotEnds() = default;
  ~HotEnds();
  HotEnds(const HotEnds&) = delete;
  HotEnds& operator=(const HotEnds&) = delete;

  /// `sequence` is that of the record which replaces the row. Once a row.
  void End(std::int64_t row, std::uint64_t sequence);

  bool any() const { return ends_.load(std::memory_order_acquire) != nullptr; }
  /// 0: nothing replaced the row yet.
  std::uint64_t EndOf(std::int64_t row) const;
  /// Rows that a snapshot up to `sequence` lacks, of `rows` rows from `first` on and counted from
  /// there, ascending.
  void AppendEnded(std::int64_t first, std::int64_t rows, std::uint64_t sequence,
                   std::vector<std::int32_t>& ended) const;

 private:
  std::atomic<std::atomic<std::uint64_t>*> ends_ = nullptr;  // Of kChunkRows.
};

}  // namespace granary::storage
