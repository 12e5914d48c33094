// What the compaction policy looks at, made of what the manifest says.
//
// Threads    pure.
#pragma once

#include <cstdint>

#include "granary/storage/manifest/source_definition.h"
#include "granary/storage/partition/partition.h"
#include "granary/storage/segment/segment_meta.h"
#include "granary/storage/source/compaction_policy.h"
#include "granary/storage/source/store.h"
#include "granary/types/schema.h"

namespace granary::storage {

/// What the index entries of a merge's output may take of its memory: such a part.
inline constexpr std::uint64_t kMergeIndexParts = 4;

/// `now` is the newest schema, which has the names of the definition.
CompactionLimits MakeCompactionLimits(const SourceDefinition& definition, const Schema& now,
                                      const CompactionOptions& options);

/// Of one source.
struct CompactionScene {
  const PartitionSpec& partitions;
  const Schema& now;
  const Column* sorted = nullptr;  ///< The first sort column, in `now`.
  std::uint64_t flushed_sequence = 0;
};
/// What `plan.debt` means for writers, and when merges are made that nobody asked for.
void ExplainDebt(const CompactionOptions& options, std::int64_t now_us, CompactionPlan& plan);

/// `written` is the schema of the file.
CompactionFile DescribeFile(const CompactionScene& scene, const SegmentMeta& meta,
                            const Schema& written);

}  // namespace granary::storage
