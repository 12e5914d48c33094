// ReaderCache: open files, as many as allowed; the least recently used one is let go (queries that
// hold it go on).
//
// Threads    fully safe.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "granary/base/status.h"

namespace granary::storage {

template <typename Key, typename Reader>
class ReaderCache {
 public:
  using ReaderPtr = std::shared_ptr<const Reader>;
  using OpenFn = std::function<Result<ReaderPtr>()>;

  explicit ReaderCache(std::size_t open_max) : open_max_(open_max) {}

  /// The open one, or what `open` gives.
  Result<ReaderPtr> Get(const Key& key, const OpenFn& open) {
    {
      const std::lock_guard lock(mutex_);
      if (ReaderPtr reader = Find(key)) return reader;
    }
    // Opened outside the lock: a slow disk must not hold up readers of other files. Two threads may
    // open the same one; the first to come back is kept.
    GRANARY_ASSIGN(ReaderPtr opened, open());
    ReaderPtr dropped;  // Its file is closed after the lock.
    const std::lock_guard lock(mutex_);
    if (ReaderPtr reader = Find(key)) return reader;
    entries_.emplace_front(key, opened);
    by_key_[key] = entries_.begin();
    if (entries_.size() > open_max_) {
      dropped = std::move(entries_.back().second);
      by_key_.erase(entries_.back().first);
      entries_.pop_back();
    }
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
    entries_.erase(found->second);
    by_key_.erase(found);
  }

 private:
  using Entries = std::list<std::pair<Key, ReaderPtr>>;

  ReaderPtr Find(const Key& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->second;
  }

  const std::size_t open_max_;
  std::mutex mutex_;
  Entries entries_;  // The most recently used first.
  std::map<Key, typename Entries::iterator> by_key_;
};

}  // namespace granary::storage
