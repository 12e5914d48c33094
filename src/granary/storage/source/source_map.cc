#include "granary/storage/source/source_map.h"

#include <mutex>

namespace granary::storage {

std::shared_ptr<LiveSource> SourceMap::Find(const SourceId& id) const {
  const std::shared_lock lock(mutex_);
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::shared_ptr<LiveSource> SourceMap::Find(SourceUid uid) const {
  const std::shared_lock lock(mutex_);
  const auto found = by_uid_.find(uid);
  return found == by_uid_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<LiveSource>> SourceMap::All() const {
  const std::shared_lock lock(mutex_);
  std::vector<std::shared_ptr<LiveSource>> sources;
  sources.reserve(by_id_.size());
  for (const auto& [id, source] : by_id_) sources.push_back(source);
  return sources;
}

std::size_t SourceMap::size() const {
  const std::shared_lock lock(mutex_);
  return by_id_.size();
}

void SourceMap::Insert(std::shared_ptr<LiveSource> source) {
  const std::unique_lock lock(mutex_);
  by_uid_[source->uid()] = source;
  by_id_[source->id()] = std::move(source);
}

void SourceMap::Erase(const LiveSource& source) {
  const std::unique_lock lock(mutex_);
  by_uid_.erase(source.uid());
  by_id_.erase(source.id());
}

}  // namespace granary::storage
