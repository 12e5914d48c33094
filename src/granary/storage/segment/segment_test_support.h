// Random segments for the tests of this room. Included by tests only.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "granary/storage/segment/segment_reader.h"
#include "granary/storage/segment/segment_writer.h"
#include "granary/storage/stats/stats_test_support.h"

namespace granary::storage::sample {

inline constexpr char kFolder[] = "/data";
inline constexpr char kFile[] = "p=1/seg.parquet";

/// Columns 1, 2, … named c1, c2, ….
inline SchemaPtr SchemaOf(const std::vector<DataType>& types) {
  std::vector<Column> columns;
  for (const DataType& type : types) {
    const auto id = static_cast<ColumnId>(columns.size() + 1);
    columns.push_back({id, "c" + std::to_string(id), type});
  }
  return std::make_shared<Schema>(1, static_cast<ColumnId>(columns.size()), columns);
}

inline SchemaPtr SchemaOfAllTypes() {
  std::vector<DataType> types = ScalarTypes();
  types.push_back(DataType::List(TypeKind::kInt64));
  return SchemaOf(types);
}

inline std::shared_ptr<arrow::Array> RandomList(Generator& random, const DataType& type,
                                                std::int64_t rows) {
  auto values = std::make_shared<arrow::Int64Builder>();
  arrow::ListBuilder builder(arrow::default_memory_pool(), values, type.ToArrow());
  for (std::int64_t i = 0; i < rows; ++i) {
    if (OneIn(random, 5)) {
      EXPECT_TRUE(builder.AppendNull().ok());
      continue;
    }
    EXPECT_TRUE(builder.Append().ok());
    for (auto n = Between(random, 0, 3); n > 0; --n) EXPECT_TRUE(values->Append(n).ok());
  }
  return builder.Finish().ValueOrDie();
}

struct Rows {
  std::shared_ptr<arrow::RecordBatch> batch;
  std::shared_ptr<arrow::Int64Array> sequences;

  std::int64_t count() const { return batch->num_rows(); }
  Rows Slice(std::int64_t at, std::int64_t length) const {
    return {batch->Slice(at, length),
            std::static_pointer_cast<arrow::Int64Array>(sequences->Slice(at, length))};
  }
};

/// Sequences 100, 103, 106, ….
inline Rows WithSequences(std::shared_ptr<arrow::RecordBatch> batch) {
  arrow::Int64Builder sequences;
  for (std::int64_t i = 0; i < batch->num_rows(); ++i)
    EXPECT_TRUE(sequences.Append(100 + i * 3).ok());
  auto array = sequences.Finish().ValueOrDie();
  return {std::move(batch), std::static_pointer_cast<arrow::Int64Array>(array)};
}

inline Rows RandomRows(Generator& random, const Schema& schema, std::int64_t rows) {
  arrow::ArrayVector arrays;
  for (const Column& column : schema.columns()) {
    const bool is_list = column.type.kind() == TypeKind::kList;
    arrays.push_back(is_list ? RandomList(random, column.type, rows)
                             : ArrayOf(column.type, RandomValues(random, column.type,
                                                                 static_cast<std::size_t>(rows))));
  }
  return WithSequences(arrow::RecordBatch::Make(schema.ToArrow(), rows, arrays));
}

/// In pieces that do not fit the row groups.
inline Result<SegmentMeta> WriteSegment(io::FileSystem& files, const SchemaPtr& schema,
                                        const Rows& rows, const SegmentWriterOptions& options,
                                        io::Failpoints& failpoints = io::Failpoints::None()) {
  GRANARY_ASSIGN(const auto writer,
                 SegmentWriter::Create(files, failpoints, kFolder, kFile, schema, options));
  for (std::int64_t at = 0; at < rows.count(); at += 37) {
    const Rows piece = rows.Slice(at, 37);
    GRANARY_TRY(writer->Append(piece.batch, piece.sequences));
  }
  return writer->Finish();
}

inline std::vector<ColumnId> AllIds(const Schema& schema) {
  std::vector<ColumnId> ids;
  for (const Column& column : schema.columns()) ids.push_back(column.id);
  ids.push_back(kSequenceColumnId);
  return ids;
}

/// Everything, or the first failure. Whatever is read must be equal to `rows`.
inline Status ReadBack(io::FileSystem& files, const SegmentMeta& meta, const SchemaPtr& schema,
                       const Rows& rows) {
  GRANARY_ASSIGN(const auto reader, SegmentReader::Open(files, kFolder, meta, schema));
  std::int64_t at = 0;
  for (int group = 0; group < reader->row_groups(); ++group) {
    GRANARY_ASSIGN(const auto batch, reader->Read(group, AllIds(*schema), *schema));
    const Rows expected = rows.Slice(at, batch->num_rows());
    const auto options = arrow::EqualOptions::Defaults().nans_equal(true);
    for (int i = 0; i < expected.batch->num_columns(); ++i) {
      EXPECT_TRUE(batch->column(i)->Equals(expected.batch->column(i), options))
          << schema->columns()[static_cast<std::size_t>(i)].type.ToString();
    }
    EXPECT_TRUE(batch->columns().back()->Equals(*expected.sequences));
    at += batch->num_rows();
  }
  EXPECT_EQ(at, rows.count());
  return Status::Ok();
}

}  // namespace granary::storage::sample
