// Segment: a live Parquet file of a source and the index files beside it, opened when first read.
//
// Promise    immutable: a segment that gains or loses an index, or of which rows are deleted, is
//            another object of the same id.
// Threads    fully safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/storage/segment/deletions.h"
#include "granary/storage/segment/segment_meta.h"
#include "granary/storage/source/replaced_rows.h"
#include "granary/storage/source/segment_files.h"
#include "granary/storage/stats/column_estimator.h"

namespace granary::storage {

class Segment {
 public:
  /// `files` outlives it.
  Segment(SegmentFiles& files, std::string directory, SegmentMeta meta, SchemaPtr file_schema,
          DeletionsPtr deletions = nullptr, std::shared_ptr<ReplacedRows> replaced = nullptr);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  /// The same file from now on described by `meta`: it gained or lost an index, or was replaced.
  std::shared_ptr<const Segment> With(SegmentMeta meta) const;
  /// The same file with other rows deleted.
  std::shared_ptr<const Segment> WithDeletions(DeletionsPtr deletions) const;
  std::shared_ptr<const Segment> WithDeletions(DeletionsPtr deletions,
                                               std::shared_ptr<ReplacedRows> replaced) const;

  /// True when nobody but the caller holds this segment, or it under another description.
  bool IsHeldOnce() const { return holders_.use_count() == 1; }

  const SegmentMeta& meta() const { return meta_; }
  const SchemaPtr& file_schema() const { return file_schema_; }
  const DeletionsPtr& deletions() const { return deletions_; }
  /// Shared by all objects of the file between two flushes; null in a source without a key.
  const std::shared_ptr<ReplacedRows>& replaced() const { return replaced_; }
  /// The rows that a snapshot up to `sequence` lacks; null for none.
  RowSetPtr DeletedAt(std::uint64_t sequence) const;
  /// Equal ones, of one segment, mean equal rows in snapshots up to `sequence`.
  std::uint64_t DeletionMark(std::uint64_t sequence) const;
  const std::string& directory() const { return directory_; }
  Result<std::shared_ptr<const SegmentReader>> Reader() const;
  /// Null when the file is not open.
  std::shared_ptr<const SegmentReader> OpenReader() const;

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

  /// The same columns when all of them are decoded already; else empty.
  arrow::ArrayVector ReadCached(int row_group, std::span<const ColumnId> columns,
                                const Schema& schema) const;

  /// As Read, of the rows in `spans` alone (SegmentReader::ReadRows): of a column that is not
  /// decoded yet no more is than the pages that they are in.
  Result<std::shared_ptr<arrow::RecordBatch>> ReadRows(int row_group, const RowSpans& spans,
                                                       std::span<const ColumnId> columns,
                                                       const Schema& schema, ReadCounts& counts,
                                                       const SegmentReader::GoOn& go_on = {}) const;
  /// SegmentReader::LoadPages; what cannot be used is told in the log, once.
  void LoadPages(const SegmentReader& reader, std::span<const ColumnId> columns,
                 std::uint64_t& bytes_read) const;

  /// As SegmentReader::ReadPath, from the column cache or through it.
  Result<std::shared_ptr<arrow::Array>> ReadPath(int row_group, ColumnId column,
                                                 std::span<const std::string> path,
                                                 const Schema& schema, ReadCounts& counts,
                                                 const SegmentReader::GoOn& go_on = {}) const;

  /// True when the first row group's columns are all decoded already; the others then are, mostly.
  bool IsCached(std::span<const ColumnId> columns, const Schema& schema) const;
  /// What the manifest's statistics tell of a column of the file, in the type that the file has it
  /// in; null where there are none. Made when first asked for.
  const ColumnEstimator* Estimator(ColumnId column) const;
  /// The same of the column at a place in file_schema(): for those who ask many segments.
  const ColumnEstimator* EstimatorAt(std::size_t place) const;
  /// The manifest's statistics of that column; null where there are none.
  const ColumnStats* StatsAt(std::size_t place) const { return stats_[place]; }

  /// The index, or null when there is none that can be asked. One that is damaged is
  /// not asked again until it was built anew.
  std::shared_ptr<const IndexReader> Index(const IndexKey& key) const;
  /// What an index that was asked said is not to be trusted.
  void ReportDamage(const IndexKey& key) const;

 private:
  void TellOfPages(const SegmentReader& reader) const;

  SegmentFiles& files_;
  const std::string directory_;
  const SegmentMeta meta_;
  const SchemaPtr file_schema_;
  const DeletionsPtr deletions_;
  const std::shared_ptr<ReplacedRows> replaced_;
  std::shared_ptr<const char> holders_;    // One for each object of this file.
  std::vector<const ColumnStats*> stats_;  // One a column of the file; into meta_.
  /// One a column of the file; null: not made yet.
  const std::unique_ptr<std::atomic<const ColumnEstimator*>[]> estimators_;
};

}  // namespace granary::storage
