// SourceSnapshot: one source at one moment: its segments and the hot rows that are in none of them.
//
// Promise    a value: later writes, flushes and drops do not change it. Every acknowledged record
//            is in exactly one place.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "granary/base/ids.h"
#include "granary/storage/memtable/memtable.h"
#include "granary/storage/partition/partition.h"
#include "granary/storage/source/segment.h"
#include "granary/types/schema.h"

namespace granary::storage {

struct SourceSnapshot {
  SourceId id;
  SourceUid uid;
  SchemaPtr schema;  ///< The newest.
  PartitionSpec partitions;
  std::vector<IndexKey> indexes;  ///< As declared; a segment may lack some of them.
  std::vector<std::shared_ptr<const Segment>> segments;  ///< By min_sequence.
  std::vector<HotChunk> hot;                             ///< Oldest first; each in its own schema.
  std::uint64_t visible_sequence = 0;                    ///< The highest sequence in the snapshot.
};

}  // namespace granary::storage
