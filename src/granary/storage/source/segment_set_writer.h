// WriteSegments: the rows of a flush as Parquet files, a partition after the other.
//
// Shape      one file a partition, split at max_file_size_mb; rows in order of sequence, or
//            clustered by the sort columns. One file is open at a time, however many partitions
//            there are.
// Promise    on failure no file of the set is left behind.
// Threads    one call a source at a time.
#pragma once

#include <vector>

#include "granary/base/status.h"
#include "granary/io/failpoint.h"
#include "granary/io/file_system.h"
#include "granary/storage/memtable/memtable.h"
#include "granary/storage/segment/segment_meta.h"
#include "granary/storage/source/partition_writer.h"

namespace granary::storage {

/// `chunks` are oldest first, each in its own schema.
Result<std::vector<SegmentMeta>> WriteSegments(io::FileSystem& files, io::Failpoints& failpoints,
                                               const SegmentSetOptions& options,
                                               const std::vector<HotChunk>& chunks,
                                               const NextSegmentId& next_id);

}  // namespace granary::storage
