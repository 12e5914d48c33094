// What a SegmentReader knows of its file, for the files that it is written in: segment_reader.cc
// reads columns, segment_documents.cc documents whose paths are columns of their own,
// segment_pages.cc single pages.
//
// Internal to storage/segment.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <arrow/array.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/metadata.h>

#include "granary/json/shred_layout.h"
#include "granary/storage/segment/column_pages.h"
#include "granary/storage/segment/segment_format.h"
#include "granary/storage/segment/segment_reader.h"
#include "granary/storage/segment/segment_source.h"

namespace granary::storage {

/// The decoder hands codes on as they stand in the file: are all of them in the dictionary?
bool CodesAreInside(const arrow::Array& array);

/// Those of sequences, which count from elsewhere.
void ShiftBounds(ColumnStats& stats, std::int64_t by);

/// A column of the schema, or `_seq`; null: neither.
const Column* ColumnIn(const Schema& schema, ColumnId id);

/// Columns of `schema` that the file's rest may hold values of.
std::vector<Column> YoungerColumns(const Schema& file_schema, const Schema& schema);

inline bool HasColumn(std::span<const ColumnId> columns, ColumnId id) {
  return std::find(columns.begin(), columns.end(), id) != columns.end();
}

struct SegmentReader::State {
  std::string path;
  SchemaPtr file_schema;
  std::unique_ptr<io::RandomAccessFile> file;
  std::shared_ptr<parquet::FileMetaData> metadata;
  std::vector<std::int64_t> group_rows;
  std::vector<std::uint32_t> checksums;  // Row group by row group; may be empty.
  std::unordered_map<std::int32_t, std::vector<int>> leaves;  // Parquet column indices by field id.
  std::int64_t sequence_base = 0;  // What the sequences in the file count from.
  std::vector<json::ShredLayout> layouts;
  std::uint32_t footer_bytes = 0, footer_crc = 0;  // As the manifest has them.

  /// Page indexes, read when they are asked for.
  using PagesOfLeaf = std::vector<std::shared_ptr<const ColumnPages>>;  // A row group each.
  mutable std::mutex pages_mutex;
  mutable std::map<int, std::shared_ptr<const PagesOfLeaf>> pages;                // By leaf.
  mutable std::optional<std::vector<std::vector<std::uint32_t>>> page_checksums;  // As checksums.
  mutable Status pages_failure;                                                   // The first.

  /// Statistics of column chunks, decoded when they are asked for: to do so costs as much as to
  /// pick a row does.
  mutable std::mutex stats_mutex;
  mutable std::unordered_map<std::uint64_t, ColumnStats> stats;  // By row group and leaf.

  Status Damaged(std::string_view what) const {
    return Status::Corruption(fmt::format("{}: {}", path, what));
  }

  /// In the type that the file has.
  ColumnStats StatsOf(int row_group, int leaf, const DataType& file_type) const;
  Status ReadFooter(const SegmentMeta& meta);
  Status CountRows(const SegmentMeta& meta);
  Status IndexColumns();
  Status FindSequenceBase(const SegmentMeta& meta);
  const std::vector<int>* LeavesOf(ColumnId column) const {
    const auto at = leaves.find(column == kSequenceColumnId ? kSequenceFieldId : column);
    return at == leaves.end() ? nullptr : &at->second;
  }
  DataType TypeInFile(const Column& column) const;
  Result<std::shared_ptr<arrow::Array>> InShapeOf(const Column& column,
                                                  std::shared_ptr<arrow::Array> array,
                                                  std::int64_t rows) const;
  /// A column as it comes from the file, null for one that it lacks, as `schema` has it.
  Result<std::shared_ptr<arrow::Array>> Shaped(ColumnId id, std::shared_ptr<arrow::Array> array,
                                               std::int64_t rows, const Schema& schema) const;
  Status AddChunk(int row_group, int leaf, RangesFile& ranges, std::uint64_t& bytes_read) const;
  using Arrays = std::unordered_map<std::int32_t, std::shared_ptr<arrow::Array>>;
  std::vector<std::vector<int>> ColumnsOf(const std::vector<int>& wanted) const;
  Status DecodeColumn(parquet::arrow::FileReader& reader, int row_group,
                      const std::vector<int>& leaves_of, Arrays& arrays) const;
  Result<Arrays> Decode(int row_group, const std::vector<int>& wanted,
                        const std::vector<int>& coded, std::uint64_t* bytes_read,
                        const GoOn& go_on) const;
  std::vector<int> CodedLeaves(int row_group, std::span<const ColumnId> columns,
                               const Schema& schema) const;
  bool IsCoded(int row_group, int leaf) const;
  /// A flat column's; -1 for a list, and for one that the file lacks.
  int FlatLeafOf(ColumnId column) const;
  Result<std::shared_ptr<arrow::Buffer>> ReadTail(std::uint64_t* bytes_read) const;
  std::shared_ptr<const PagesOfLeaf> PagesIn(int leaf, ColumnId column, const FileTail& tail) const;
  std::vector<std::uint32_t> PageChecksums(int row_group, int leaf) const;
  void Distrust(Status failure) const;
  struct PageRun;
  Result<std::shared_ptr<arrow::Buffer>> ReadPages(int row_group, int leaf,
                                                   const ColumnPages& pages_of,
                                                   const std::vector<PageRun>& runs,
                                                   std::uint64_t& bytes_read) const;
  Result<std::shared_ptr<arrow::Array>> DecodePages(int row_group, int leaf, bool coded,
                                                    const ColumnPages& pages_of,
                                                    const RowSpans& spans,
                                                    std::uint64_t& bytes_read) const;
  Status ReadLayouts();
  const json::ShredLayout* LayoutOf(ColumnId column) const;
  int LeafOfLane(const json::ShreddedLane& lane) const {
    const std::vector<int>* own = LeavesOf(lane.field_id);
    return own == nullptr || own->size() != 1 ? -1 : own->front();
  }
  Status AddLanes(int row_group, const std::vector<json::ShreddedPath>& paths,
                  std::vector<int>& wanted, std::vector<int>& coded) const;
  Result<arrow::ArrayVector> LanesOf(const std::vector<json::ShreddedPath>& paths,
                                     const Arrays& arrays, std::int64_t rows) const;
};

}  // namespace granary::storage
