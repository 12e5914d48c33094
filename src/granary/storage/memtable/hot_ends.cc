#include "granary/storage/memtable/hot_ends.h"

#include "granary/storage/memtable/memtable.h"

namespace granary::storage {

HotEnds::~HotEnds() { delete[] ends_.load(); }

void HotEnds::End(std::int64_t row, std::uint64_t sequence) {
  std::atomic<std::uint64_t>* ends = ends_.load(std::memory_order_relaxed);
  if (ends == nullptr) {
    ends = new std::atomic<std::uint64_t>[kChunkRows]();
    ends_.store(ends, std::memory_order_release);
  }
  ends[row].store(sequence, std::memory_order_release);
}

std::uint64_t HotEnds::EndOf(std::int64_t row) const {
  const std::atomic<std::uint64_t>* ends = ends_.load(std::memory_order_acquire);
  return ends == nullptr ? 0 : ends[row].load(std::memory_order_acquire);
}

void HotEnds::AppendEnded(std::int64_t first, std::int64_t rows, std::uint64_t sequence,
                          std::vector<std::int32_t>& ended) const {
  const std::atomic<std::uint64_t>* ends = ends_.load(std::memory_order_acquire);
  if (ends == nullptr) return;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::uint64_t end = ends[first + row].load(std::memory_order_acquire);
    if (end != 0 && end <= sequence) ended.push_back(static_cast<std::int32_t>(row));
  }
}

}  // namespace granary::storage
