// WriteSegments: the rows of a flush as Parquet files, a partition after the other.
//
// Shape      one file a partition, split at max_file_size_mb; rows in order of sequence, or
//            clustered by the sort columns. One file is open at a time, however many partitions
//            there are.
// Promise    on failure no file of the set is left behind.
// Threads    one call a source at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/io/failpoint.h"
#include "granary/io/file_system.h"
#include "granary/storage/index/index_meta.h"
#include "granary/storage/memtable/memtable.h"
#include "granary/storage/partition/partition.h"
#include "granary/storage/segment/segment_meta.h"
#include "granary/storage/segment/segment_writer.h"
#include "granary/types/schema.h"

namespace granary::storage {

struct SegmentSetOptions {
  std::string folder;  ///< Of the source.
  SchemaPtr schema;    ///< Of the files: the newest.
  PartitionSpec partitions;
  std::vector<ColumnId> sort_columns;
  std::vector<IndexKey> indexes;  ///< Files to write beside each segment.
  SegmentWriterOptions writer;
  std::uint64_t file_bytes_max = 256u << 20;
  std::int64_t created_us = 0;
};

/// Gives the id of the next file.
using NextSegmentId = std::function<Result<SegmentId>()>;

/// `chunks` are oldest first, each in its own schema.
Result<std::vector<SegmentMeta>> WriteSegments(io::FileSystem& files, io::Failpoints& failpoints,
                                               const SegmentSetOptions& options,
                                               const std::vector<HotChunk>& chunks,
                                               const NextSegmentId& next_id);

/// Removes the files of a set that will not be committed; as far as that works.
void DiscardSegments(io::FileSystem& files, const std::string& folder,
                     const std::vector<SegmentMeta>& segments);

}  // namespace granary::storage
