// Segment: a live Parquet file of a source and the index files beside it, opened when first read.
//
// Promise    immutable: a segment that gains or loses an index is another object of the same id.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/storage/segment/segment_meta.h"
#include "granary/storage/source/segment_files.h"

namespace granary::storage {

class Segment {
 public:
  /// `files` outlives it.
  Segment(SegmentFiles& files, std::string directory, SegmentMeta meta, SchemaPtr file_schema);

  /// The same file from now on described by `meta`: it gained or lost an index, or was replaced.
  std::shared_ptr<const Segment> With(SegmentMeta meta) const;

  /// True when nobody but the caller holds this segment, or it under another description.
  bool IsHeldOnce() const { return holders_.use_count() == 1; }

  const SegmentMeta& meta() const { return meta_; }
  const SchemaPtr& file_schema() const { return file_schema_; }
  const std::string& directory() const { return directory_; }
  Result<std::shared_ptr<const SegmentReader>> Reader() const;

  /// Of a Read.
  struct ReadCounts {
    std::uint64_t bytes_read = 0;
    std::uint64_t columns_cached = 0;
    std::uint64_t columns_decoded = 0;
  };
  /// The named columns of a row group as SegmentReader::Read gives them, from the column cache or
  /// through it.
  Result<std::shared_ptr<arrow::RecordBatch>> Read(int row_group, std::span<const ColumnId> columns,
                                                   const Schema& schema, ReadCounts& counts,
                                                   const SegmentReader::GoOn& go_on = {}) const;

  /// As SegmentReader::ReadPath, from the column cache or through it.
  Result<std::shared_ptr<arrow::Array>> ReadPath(int row_group, ColumnId column,
                                                 std::span<const std::string> path,
                                                 const Schema& schema, ReadCounts& counts,
                                                 const SegmentReader::GoOn& go_on = {}) const;

  /// The index, or null when there is none that can be asked. One that is damaged is
  /// not asked again until it was built anew.
  std::shared_ptr<const IndexReader> Index(const IndexKey& key) const;
  /// What an index that was asked said is not to be trusted.
  void ReportDamage(const IndexKey& key) const;

 private:
  SegmentFiles& files_;
  const std::string directory_;
  const SegmentMeta meta_;
  const SchemaPtr file_schema_;
  std::shared_ptr<const char> holders_;  // One for each object of this file.
};

}  // namespace granary::storage
