// HotKeys: the primary keys of a source's hot records, and what they replace: hot records of before
// and rows in segments. Nothing of it is done by a write; whoever looks first catches up.
//
// Rule       a record replaces the one of its key that is there, at its own sequence: a snapshot up
//            to that sequence shows the new one alone, an older one the old one alone.
// Order      all rows in segments are older than all hot ones: what else adds rows to segments (a
//            bulk, a merge) does so while nothing is hot.
// Marks      of hot rows in HotChunk::ends, of rows in segments in Segment::replaced().
// Memory     about 64 bytes a key.
// Threads    the caller holds mutex() from taking the view to the end of the call.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "granary/base/status.h"
#include "granary/storage/source/key_probe.h"
#include "granary/storage/source/tiers.h"

namespace granary::storage {

class HotKeys {
 public:
  explicit HotKeys(std::vector<ColumnId> key) : key_(std::move(key)) {}

  const std::vector<ColumnId>& key() const { return key_; }
  std::mutex& mutex() { return mutex_; }

  /// Marks what the hot rows of the view replace, as far as that is not done. After a failure to
  /// read a segment the next call goes on where this one ended.
  Status CatchUp(const TierView& view, const SchemaPtr& schema);
  /// Records up to `sequence` are hot no more.
  void Flushed(std::uint64_t sequence);

 private:
  struct Latest {
    std::uint64_t sequence = 0;
    std::shared_ptr<HotEnds> ends;
    std::int64_t row = 0;  // In there.
  };

  Status TakeIn(const HotChunk& chunk, const SchemaPtr& schema);

  const std::vector<ColumnId> key_;
  std::mutex mutex_;
  std::unordered_map<Digest128, Latest, DigestHash> latest_;
  std::uint64_t reached_ = 0;       // Rows up to here are taken in.
  std::optional<KeyProbe> unseen_;  // Keys that were not looked for in segments yet.
};

}  // namespace granary::storage
