#include "granary/storage/source/replaced_rows.h"

#include <algorithm>

namespace granary::storage {

void ReplacedRows::Add(const std::vector<EndedRow>& rows) {
  const std::lock_guard lock(mutex_);
  rows_.insert(rows_.end(), rows.begin(), rows.end());
}

// mutex_ is held.
std::size_t ReplacedRows::CountUpTo(std::uint64_t sequence) const {
  const auto end = std::upper_bound(
      rows_.begin(), rows_.end(), sequence,
      [](std::uint64_t limit, const EndedRow& row) { return limit < row.sequence; });
  return static_cast<std::size_t>(end - rows_.begin());
}

RowSetPtr ReplacedRows::With(const RowSetPtr& deleted, std::uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  const std::size_t count = CountUpTo(sequence);
  if (count == 0) return deleted;
  if (kept_ != nullptr && kept_of_ == deleted && kept_count_ == count) return kept_;
  auto rows = std::make_shared<RowSet>();
  std::size_t first = 0;
  if (kept_ != nullptr && kept_of_ == deleted && kept_count_ < count) {
    *rows = RowSet(*kept_);
    first = kept_count_;
  } else if (deleted != nullptr) {
    *rows = RowSet(*deleted);
  }
  for (std::size_t i = first; i < count; ++i) rows->Add(rows_[i].row);
  kept_ = std::move(rows);
  kept_of_ = deleted;
  kept_count_ = count;
  return kept_;
}

std::uint64_t ReplacedRows::LastUpTo(std::uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  const std::size_t count = CountUpTo(sequence);
  return count == 0 ? 0 : rows_[count - 1].sequence;
}

std::vector<EndedRow> ReplacedRows::After(std::uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  return {rows_.begin() + static_cast<std::ptrdiff_t>(CountUpTo(sequence)), rows_.end()};
}

std::vector<EndedRow> ReplacedRows::UpTo(std::uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  return {rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(CountUpTo(sequence))};
}

}  // namespace granary::storage
