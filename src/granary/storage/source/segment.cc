#include "granary/storage/source/segment.h"

#include <list>
#include <mutex>
#include <unordered_map>

namespace granary::storage {

using ReaderPtr = std::shared_ptr<const SegmentReader>;

struct ReaderCache::State {
  struct Entry {
    SegmentId id;
    ReaderPtr reader;
  };
  using Entries = std::list<Entry>;

  explicit State(std::size_t max) : open_max(max) {}

  ReaderPtr Find(SegmentId id) {
    const auto found = by_id.find(id);
    if (found == by_id.end()) return nullptr;
    entries.splice(entries.begin(), entries, found->second);
    return found->second->reader;
  }

  const std::size_t open_max;
  std::mutex mutex;
  Entries entries;  // The most recently used first.
  std::unordered_map<SegmentId, Entries::iterator> by_id;
};

ReaderCache::ReaderCache(std::size_t open_max) : state_(std::make_unique<State>(open_max)) {}
ReaderCache::~ReaderCache() = default;

Result<ReaderPtr> ReaderCache::Get(SegmentId id, const OpenFn& open) {
  {
    const std::lock_guard lock(state_->mutex);
    if (ReaderPtr reader = state_->Find(id)) return reader;
  }
  // Opened outside the lock: a slow disk must not hold up readers of other segments. Two threads
  // may open the same one; the first to come back is kept.
  GRANARY_ASSIGN(ReaderPtr opened, open());
  ReaderPtr dropped;  // Its file is closed after the lock.
  const std::lock_guard lock(state_->mutex);
  if (ReaderPtr reader = state_->Find(id)) return reader;
  state_->entries.push_front({id, opened});
  state_->by_id[id] = state_->entries.begin();
  if (state_->entries.size() > state_->open_max) {
    dropped = std::move(state_->entries.back().reader);
    state_->by_id.erase(state_->entries.back().id);
    state_->entries.pop_back();
  }
  return opened;
}

void ReaderCache::Forget(SegmentId id) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->by_id.find(id);
  if (found == state_->by_id.end()) return;
  state_->entries.erase(found->second);
  state_->by_id.erase(found);
}

Segment::Segment(io::FileSystem& files, ReaderCache& cache, std::string directory, SegmentMeta meta,
                 SchemaPtr file_schema)
    : files_(files),
      cache_(cache),
      directory_(std::move(directory)),
      meta_(std::move(meta)),
      file_schema_(std::move(file_schema)) {}

Result<ReaderPtr> Segment::Reader() const {
  return cache_.Get(
      meta_.id, [this] { return SegmentReader::Open(files_, directory_, meta_, file_schema_); });
}

}  // namespace granary::storage
