// For tests: tables of plain Values, as batches, hot chunks and segments, and what a naive
// evaluation of a predicate says of a row.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "granary/io/failpoint.h"
#include "granary/query/exec/query_context.h"
#include "granary/storage/index/index_builder.h"
#include "granary/storage/segment/segment_writer.h"
#include "granary/storage/source/source_snapshot.h"
#include "granary/testing/memory_file_system.h"
#include "granary/types/predicate.h"

namespace granary::query {

using Row = std::vector<Value>;

template <typename T>
T Must(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  if (!result.ok()) std::abort();
  return result.Take();
}

inline std::shared_ptr<arrow::Array> ArrayOf(const DataType& type,
                                             const std::vector<Value>& values) {
  auto builder = arrow::MakeBuilder(type.ToArrow()).ValueOrDie();
  for (const Value& value : values) {
    const auto cell = Must(MakeConstantArray(type, value, 1));
    EXPECT_TRUE(builder->AppendArraySlice(arrow::ArraySpan(*cell->data()), 0, 1).ok());
  }
  return builder->Finish().ValueOrDie();
}

/// Column `at` of some rows; a list type's values are not supported.
inline std::shared_ptr<arrow::RecordBatch> BatchOf(const Schema& schema,
                                                   const std::vector<Row>& rows) {
  arrow::ArrayVector arrays;
  for (std::size_t at = 0; at < schema.columns().size(); ++at) {
    std::vector<Value> values;
    for (const Row& row : rows) values.push_back(row[at]);
    arrays.push_back(ArrayOf(schema.columns()[at].type, values));
  }
  return arrow::RecordBatch::Make(schema.ToArrow(), static_cast<std::int64_t>(rows.size()), arrays);
}

inline SchemaPtr SchemaOf(const std::vector<std::pair<std::string, DataType>>& columns) {
  std::vector<Column> made;
  for (const auto& [name, type] : columns) {
    made.push_back({static_cast<ColumnId>(made.size() + 1), name, type});
  }
  const auto last = static_cast<ColumnId>(made.size());
  return std::make_shared<Schema>(1, last, std::move(made));
}

/// A source whose rows were written in order; some flushed, some hot.
class TestSource {
 public:
  TestSource(std::string id, SchemaPtr schema) {
    snapshot_.id = Must(SourceId::Parse(id));
    snapshot_.schema = std::move(schema);
  }

  /// Makes later rows those of a newer schema.
  void Evolve(SchemaPtr schema) { snapshot_.schema = std::move(schema); }

  /// Later segments get these indexes, and hot chunks.
  void AddIndex(storage::IndexKey key) { snapshot_.indexes.push_back(key); }

  void AddHot(const std::vector<Row>& rows) {
    snapshot_.hot.push_back({snapshot_.schema, BatchOf(*snapshot_.schema, rows),
                             Sequences(rows.size()), std::make_shared<storage::HotIndex>()});
  }
  void AddSegment(const std::vector<Row>& rows, std::int64_t row_group_rows = 1000,
                  std::int64_t page_rows = storage::SegmentWriterOptions().page_rows) {
    const std::string path = "segment-" + std::to_string(snapshot_.segments.size()) + ".parquet";
    storage::SegmentWriterOptions options;
    options.row_group_rows = row_group_rows;
    options.page_rows = page_rows;
    auto writer = Must(storage::SegmentWriter::Create(
        files_, io::Failpoints::None(), "/" + snapshot_.id.str(), path, snapshot_.schema, options));
    EXPECT_TRUE(writer->Append(BatchOf(*snapshot_.schema, rows), Sequences(rows.size())).ok());
    storage::SegmentMeta meta = Must(writer->Finish());
    meta.id = SegmentId{snapshot_.segments.size() + 1};
    for (const storage::IndexKey& key : snapshot_.indexes) {
      const auto at = static_cast<std::size_t>(snapshot_.schema->IndexOfId(key.column));
      const auto builder = storage::IndexBuilder::Make(key, snapshot_.schema->columns()[at].type);
      std::vector<Value> values;
      for (const Row& row : rows) values.push_back(row[at]);
      builder->Add(*ArrayOf(snapshot_.schema->columns()[at].type, values));
      meta.indexes.push_back(
          Must(builder->Write(files_, "/" + snapshot_.id.str(), meta.path, meta.id)));
    }
    snapshot_.segments.push_back(std::make_shared<storage::Segment>(
        segment_files_, "/" + snapshot_.id.str(), std::move(meta), snapshot_.schema));
  }

  const storage::SourceSnapshot& snapshot() const { return snapshot_; }
  testing::MemoryFileSystem& files() { return files_; }

 private:
  std::shared_ptr<arrow::Int64Array> Sequences(std::size_t count) {
    arrow::Int64Builder builder;
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_TRUE(builder.Append(static_cast<std::int64_t>(++snapshot_.visible_sequence)).ok());
    }
    return std::static_pointer_cast<arrow::Int64Array>(builder.Finish().ValueOrDie());
  }

  testing::MemoryFileSystem files_;
  storage::SegmentFiles segment_files_{files_, {}};
  storage::SourceSnapshot snapshot_;
};

}  // namespace granary::query
