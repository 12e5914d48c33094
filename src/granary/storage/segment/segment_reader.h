// SegmentReader: reads columns of a Parquet segment, row group by row group, in the shape of a
// schema that may be newer than the file's.
//
// Promise    a column that the file lacks takes over from the rest of the records where the file
//            has one (json/rest_split.h), else it reads as nulls; one of a narrower type is
//            widened; what does not decode, or does not agree with the footer, is kCorruption
//            naming file and column.
// Threads    fully safe: the footer is read once, each Read opens its own column readers.
// Owns       its file handle.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/io/file_system.h"
#include "granary/json/shred_layout.h"
#include "granary/storage/segment/column_pages.h"
#include "granary/storage/segment/row_spans.h"
#include "granary/storage/segment/segment_meta.h"
#include "granary/types/column_stats.h"
#include "granary/types/schema.h"

namespace granary::storage {

/// How columns of strings come out of a file.
enum class TextForm : std::uint8_t {
  kPlain,
  /// As a dictionary and codes where the file has them so: a fraction of the memory, and each value
  /// needs to be hashed or compared once only.
  kCoded,
};

class SegmentReader {
 public:
  using GoOn = std::function<Status()>;

  /// Opens and reads the footer. `file_schema` is the source's schema at meta.schema_version.
  /// kCorruption also for a file that is gone, since the manifest names it.
  static Result<std::shared_ptr<const SegmentReader>> Open(io::FileSystem& files,
                                                           const std::string& directory,
                                                           const SegmentMeta& meta,
                                                           SchemaPtr file_schema);
  ~SegmentReader();

  const Schema& file_schema() const;
  /// What the footer and what was looked up in it take, about.
  std::uint64_t memory_bytes() const;
  int row_groups() const;
  std::int64_t rows(int row_group) const;

  /// Statistics of one column in one row group, from the Parquet footer, in `type`'s domain (the
  /// reader's schema may be newer). Unknown where the footer does not say.
  ColumnStats RowGroupStats(int row_group, ColumnId column, const DataType& type) const;

  /// The named columns of a row group, in the order asked for, in `schema`'s types;
  /// kSequenceColumnId gives `_seq`. Field names are those of `schema`. `bytes_read`, when given,
  /// grows by the compressed size. `go_on`, when given, is asked before each column; its failure
  /// ends the reading.
  Result<std::shared_ptr<arrow::RecordBatch>> Read(int row_group, std::span<const ColumnId> columns,
                                                   const Schema& schema,
                                                   std::uint64_t* bytes_read = nullptr,
                                                   const GoOn& go_on = {},
                                                   TextForm texts = TextForm::kPlain) const;

  /// Reads the page indexes of some columns, where that was not done yet. Adds to `bytes_read`.
  void LoadPages(std::span<const ColumnId> columns, std::uint64_t* bytes_read = nullptr) const;
  bool HasLoadedPages(std::span<const ColumnId> columns) const;
  /// The pages of a flat column, `_seq` counted as Read gives it. Null before LoadPages, and where
  /// the file does not tell or is not to be believed.
  std::shared_ptr<const ColumnPages> Pages(int row_group, ColumnId column) const;
  /// Why some page index cannot be used; kOk while there is nothing to say.
  Status page_index_failure() const;

  /// As Read, of the rows in `spans` alone, one behind the other. Of a column whose pages are known
  /// no others are read and decoded than those with such rows.
  Result<std::shared_ptr<arrow::RecordBatch>> ReadRows(int row_group, const RowSpans& spans,
                                                       std::span<const ColumnId> columns,
                                                       const Schema& schema,
                                                       std::uint64_t* bytes_read = nullptr,
                                                       const GoOn& go_on = {},
                                                       TextForm texts = TextForm::kPlain) const;

  /// How the file has the documents of a json column; null when it does not say, or when younger
  /// columns of `schema` take over from them.
  const json::ShredLayout* Layout(ColumnId column, const Schema& schema) const;
  /// What lies at a path of a json column, as json::PathLanes, without reading more of the
  /// documents than that takes. Null without a layout, or when nothing of the documents is a column
  /// of its own: then Read gives the documents.
  Result<std::shared_ptr<arrow::Array>> ReadPath(int row_group, ColumnId column,
                                                 std::span<const std::string> path,
                                                 const Schema& schema,
                                                 std::uint64_t* bytes_read = nullptr,
                                                 const GoOn& go_on = {}) const;
  /// Statistics of a lane in one row group. `column` is the lane's field id.
  ColumnStats LaneStats(int row_group, const json::ShreddedLane& lane) const;

 private:
  struct State;
  explicit SegmentReader(std::unique_ptr<State> state);
  Result<std::shared_ptr<arrow::RecordBatch>> ReadStored(int row_group,
                                                         std::span<const ColumnId> columns,
                                                         const Schema& schema,
                                                         std::uint64_t* bytes_read,
                                                         const GoOn& go_on, TextForm texts) const;
  Result<std::shared_ptr<arrow::RecordBatch>> ReadSplit(int row_group,
                                                        std::span<const ColumnId> columns,
                                                        const Schema& schema,
                                                        const std::vector<Column>& younger,
                                                        std::uint64_t* bytes_read,
                                                        const GoOn& go_on, TextForm texts) const;
  std::unique_ptr<State> state_;
};

/// The rows in `spans` of a column, in memory of their own.
Result<std::shared_ptr<arrow::Array>> SliceRows(const std::shared_ptr<arrow::Array>& array,
                                                const RowSpans& spans);

/// Prints a Parquet segment's columns, row groups and statistics for people, as far as it can be
/// read, and verifies every column's checksum: kCorruption names the first damage.
Status DumpSegment(io::FileSystem& files, const std::string& path, std::string& out);

}  // namespace granary::storage
