// What is known of the columns of a source as a whole: merged over its segments and its hot rows.
//
// Cost       segments: their manifests' statistics, merged once per set of segments; hot rows: read
//            once per change. A source that nobody writes to answers from memory.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "granary/storage/source/tiers.h"
#include "granary/types/column_stats.h"
#include "granary/types/schema.h"

namespace granary::storage {

using ColumnStatsMap = std::map<ColumnId, ColumnStats>;

/// In `schema`'s types. A column that a segment lacks is null there, or unknown where its records
/// keep a rest. Of what has deleted rows, bounds still bound; value set and distribution are
/// dropped.
ColumnStatsMap MergeSegmentStats(const Segments& segments, const Schema& schema);
ColumnStatsMap CollectHotStats(const std::vector<HotChunk>& hot, const Schema& schema);

/// Keeps the last answer.
class SourceStatsCache {
 public:
  ColumnStatsMap Get(const TierView& view, const SchemaPtr& schema);

 private:
  /// What the answer depends on. Sequences are never used twice, so equal ones mean equal rows.
  struct Basis {
    std::uint32_t schema_version = 0;
    std::uint64_t flushed_sequence = 0;
    std::size_t segments = 0;
    std::uint64_t deleted_rows = 0;
    bool operator==(const Basis&) const = default;
  };

  std::mutex mutex_;
  Basis basis_;
  ColumnStatsMap segments_;
  std::uint64_t visible_sequence_ = 0;
  ColumnStatsMap merged_;
};

}  // namespace granary::storage
