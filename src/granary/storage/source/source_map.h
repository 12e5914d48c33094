// SourceMap: the sources of a store, by name and by uid.
//
// Threads    fully safe.
#pragma once

#include <map>
#include <memory>
#include <shared_mutex>
#include <vector>

#include "granary/base/ids.h"
#include "granary/storage/source/live_source.h"

namespace granary::storage {

class SourceMap {
 public:
  /// Null when there is none.
  std::shared_ptr<LiveSource> Find(const SourceId& id) const;
  std::shared_ptr<LiveSource> Find(SourceUid uid) const;
  /// By id.
  std::vector<std::shared_ptr<LiveSource>> All() const;
  std::size_t size() const;

  void Insert(std::shared_ptr<LiveSource> source);
  void Erase(const LiveSource& source);

 private:
  mutable std::shared_mutex mutex_;
  std::map<SourceId, std::shared_ptr<LiveSource>> by_id_;
  std::map<SourceUid, std::shared_ptr<LiveSource>> by_uid_;
};

}  // namespace granary::storage
