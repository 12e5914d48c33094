#include "granary/storage/source/column_cache.h"

#include <arrow/array.h>
#include <arrow/util/byte_size.h>

#include <iterator>

namespace granary::storage {
namespace {

// Of the budget, for what was asked for again.
constexpr std::uint64_t kProtectedPercent = 80;
constexpr std::uint64_t kEntryOverheadBytes = 256;

}  // namespace

ColumnCache::ColumnCache(std::uint64_t bytes_max, runtime::MemoryBudget* parent)
    : bytes_max_(bytes_max),
      budget_("column_cache", bytes_max, parent),
      reclaimer_(std::in_place, budget_, [this](std::uint64_t bytes) { return GiveBack(bytes); }) {}

// First nobody asks for it any more.
ColumnCache::~ColumnCache() {
  reclaimer_.reset();
  budget_.Release(probation_.bytes + protected_.bytes);
}

void ColumnCache::MoveToFront(Entries::iterator entry, Part& from, Part& to) {
  from.bytes -= entry->bytes;
  to.bytes += entry->bytes;
  to.entries.splice(to.entries.begin(), from.entries, entry);
}

std::shared_ptr<arrow::Array> ColumnCache::Find(const Key& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  const auto entry = found->second;
  MoveToFront(entry, PartOf(*entry), protected_);
  entry->is_protected = true;
  while (protected_.bytes > bytes_max_ / 100 * kProtectedPercent && protected_.entries.size() > 1) {
    const auto last = std::prev(protected_.entries.end());
    MoveToFront(last, protected_, probation_);
    last->is_protected = false;
  }
  return entry->column;
}

bool ColumnCache::Contains(const Key& key) const {
  const std::lock_guard lock(mutex_);
  return by_key_.contains(key);
}

void ColumnCache::Insert(const Key& key, std::shared_ptr<arrow::Array> column) {
  const auto bytes =
      static_cast<std::uint64_t>(arrow::util::TotalBufferSize(*column)) + kEntryOverheadBytes;
  if (bytes > bytes_max_ / 4) return;  // It would drive out everything else.
  MakeRoom(bytes);
  // Not under the lock: the budget may ask this cache to give something back.
  if (budget_.TryReserve(bytes) != nullptr) return;
  {
    const std::lock_guard lock(mutex_);
    if (!by_key_.contains(key)) {
      probation_.entries.push_front({key, std::move(column), bytes, false});
      probation_.bytes += bytes;
      by_key_[key] = probation_.entries.begin();
      return;
    }
  }
  budget_.Release(bytes);
}

void ColumnCache::MakeRoom(std::uint64_t bytes) {
  Entries dropped;  // Freed after the lock.
  const std::lock_guard lock(mutex_);
  while (probation_.bytes + protected_.bytes + bytes > bytes_max_) EraseOldest(dropped);
}

void ColumnCache::EraseOldest(Entries& dropped) {
  Part& part = probation_.entries.empty() ? protected_ : probation_;
  Erase(std::prev(part.entries.end()), dropped);
}

std::uint64_t ColumnCache::GiveBack(std::uint64_t bytes) {
  Entries dropped;  // Freed after the lock.
  const std::lock_guard lock(mutex_);
  const std::uint64_t before = probation_.bytes + protected_.bytes;
  while (!by_key_.empty() && before - probation_.bytes - protected_.bytes < bytes)
    EraseOldest(dropped);
  return before - probation_.bytes - protected_.bytes;
}

void ColumnCache::Erase(Entries::iterator entry, Entries& dropped) {
  Part& part = PartOf(*entry);
  part.bytes -= entry->bytes;
  budget_.Release(entry->bytes);
  by_key_.erase(entry->key);
  dropped.splice(dropped.begin(), part.entries, entry);
}

void ColumnCache::Forget(SegmentId segment) {
  Entries dropped;
  const std::lock_guard lock(mutex_);
  auto at = by_key_.lower_bound({segment, 0, 0, 0});
  while (at != by_key_.end() && at->first.segment == segment) Erase((at++)->second, dropped);
}

std::uint64_t ColumnCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return probation_.bytes + protected_.bytes;
}

}  // namespace granary::storage
