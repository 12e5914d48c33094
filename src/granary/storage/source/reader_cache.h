// ReaderCache: open files, as many as allowed; the least recently used one is let go (queries that
// hold it go on).
//
// Memory     what they know of their files is reserved in `budget` and given back to whoever needs
//            memory, but for that of the last few: each read needs one.
// Threads    fully safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "granary/base/status.h"
#include "granary/runtime/memory_budget.h"

namespace granary::storage {

template <typename Key, typename Reader>
class ReaderCache {
 public:
  using ReaderPtr = std::shared_ptr<const Reader>;
  using OpenFn = std::function<Result<ReaderPtr>()>;
  static constexpr std::size_t kAlwaysOpen = 2;

  /// `budget` outlives this.
  ReaderCache(std::size_t open_max, runtime::MemoryBudget& budget)
      : open_max_(open_max),
        budget_(budget),
        reclaimer_(budget, [this](std::uint64_t bytes) { return GiveBack(bytes); }) {}
  ~ReaderCache() {
    for (const Entry& entry : entries_) budget_.Release(entry.bytes);
  }

  /// The open one, or what `open` gives.
  Result<ReaderPtr> Get(const Key& key, const OpenFn& open) {
    if (ReaderPtr reader = Peek(key)) return reader;
    // Opened outside the lock: a slow disk must not hold up readers of other files. Two threads may
    // open the same one; the first to come back is kept.
    GRANARY_ASSIGN(ReaderPtr opened, open());
    const std::uint64_t bytes = opened->memory_bytes();
    if (!MakeRoom(bytes)) {
      if (count() >= kAlwaysOpen) return opened;
      budget_.Add(bytes);
    }
    Entries dropped;  // Their files are closed after the lock.
    const std::lock_guard lock(mutex_);
    if (ReaderPtr reader = Find(key)) {
      budget_.Release(bytes);
      return reader;
    }
    entries_.push_front({key, opened, bytes});
    by_key_[key] = entries_.begin();
    if (entries_.size() > open_max_) DropLast(dropped);
    return opened;
  }

  /// Null when it is not open.
  ReaderPtr Peek(const Key& key) {
    const std::lock_guard lock(mutex_);
    return Find(key);
  }

  void Forget(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    budget_.Release(found->second->bytes);
    entries_.erase(found->second);
    by_key_.erase(found);
  }

 private:
  struct Entry {
    Key key;
    ReaderPtr reader;
    std::uint64_t bytes = 0;
  };
  using Entries = std::list<Entry>;

  // Where it is the files' own limit that is in the way nobody else gives anything back.
  bool MakeRoom(std::uint64_t bytes) {
    while (budget_.TryReserve(bytes, runtime::Refusals::kRepeated) != nullptr)
      if (GiveBack(bytes) == 0) return false;
    return true;
  }

  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return entries_.size();
  }

  ReaderPtr Find(const Key& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->reader;
  }

  // Into `dropped`.
  std::uint64_t DropLast(Entries& dropped) {
    const std::uint64_t bytes = entries_.back().bytes;
    by_key_.erase(entries_.back().key);
    budget_.Release(bytes);
    dropped.splice(dropped.end(), entries_, std::prev(entries_.end()));
    return bytes;
  }

  std::uint64_t GiveBack(std::uint64_t bytes) {
    Entries dropped;
    const std::lock_guard lock(mutex_);
    std::uint64_t given = 0;
    while (given < bytes && entries_.size() > kAlwaysOpen) given += DropLast(dropped);
    return given;
  }

  const std::size_t open_max_;
  runtime::MemoryBudget& budget_;
  std::mutex mutex_;
  Entries entries_;  // The most recently used first.
  std::map<Key, typename Entries::iterator> by_key_;
  runtime::MemoryBudget::Reclaimer reclaimer_;  // Gone before what it drops.
};

}  // namespace granary::storage
