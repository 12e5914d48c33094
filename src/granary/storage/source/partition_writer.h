// PartitionWriter: rows of one partition after the other as Parquet files with their index files.
// One file is open at a time.
//
// Promise    segments() are finished files; a file that is not finished goes with the writer.
// Threads    one calls; with a pool, its workers help.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/io/failpoint.h"
#include "granary/io/file_system.h"
#include "granary/runtime/worker_pool.h"
#include "granary/storage/index/index_builder.h"
#include "granary/storage/index/index_meta.h"
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
  std::uint64_t file_rows_max = UINT64_MAX;
  std::int64_t created_us = 0;
  /// A file and its indexes are made side by side on it; null: one after the other. Outlives them.
  runtime::WorkerPool* pool = nullptr;
};

/// Gives the id of the next file.
using NextSegmentId = std::function<Result<SegmentId>()>;

class PartitionWriter {
 public:
  /// What is passed by reference outlives it; `options.writer` may change between two files.
  PartitionWriter(io::FileSystem& files, io::Failpoints& failpoints,
                  const SegmentSetOptions& options, const NextSegmentId& next_id)
      : files_(files), failpoints_(failpoints), options_(options), next_id_(next_id) {}

  /// The partition of what is appended from here on; the file before is finished.
  void Begin(PartitionKey key) { key_ = std::move(key); }
  /// In the schema's columns, with their sequences.
  Status Append(const arrow::RecordBatch& batch, const arrow::Int64Array& sequences);
  Status FinishFile();

  std::vector<SegmentMeta>& segments() { return segments_; }

 private:
  Status StartFile();
  /// The writer's part is 0, those of the indexes follow.
  Status ForEachPart(const std::function<Status(std::size_t part)>& body) const;

  io::FileSystem& files_;
  io::Failpoints& failpoints_;
  const SegmentSetOptions& options_;
  const NextSegmentId& next_id_;

  PartitionKey key_;
  std::unique_ptr<SegmentWriter> writer_;
  std::vector<std::unique_ptr<IndexBuilder>> indexes_;  // Of the open file.
  std::uint64_t file_rows_ = 0;
  SegmentId id_;
  std::string path_;  // Of the open file, in the folder.
  std::vector<SegmentMeta> segments_;
};

/// Removes the files of a set that will not be committed; as far as that works.
void DiscardSegments(io::FileSystem& files, const std::string& folder,
                     const std::vector<SegmentMeta>& segments);

}  // namespace granary::storage
