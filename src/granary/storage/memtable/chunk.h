// Chunk: up to kChunkRows rows of one schema version, appended to in place.
//
// Life       Append writes behind what is published, Publish shows it, Rollback forgets it.
// Threads    as ColumnBuffer: one writer; Publish, Snapshot and published_rows() under the
//            memtable's lock.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/storage/memtable/column_buffer.h"
#include "granary/storage/memtable/memtable.h"
#include "granary/types/schema.h"

namespace granary::storage {

/// The published rows of a chunk, as buffers; Build() makes arrays of them.
struct ChunkSnapshot {
  SchemaPtr schema;
  std::shared_ptr<arrow::Schema> arrow_schema;
  std::int64_t rows = 0;
  std::vector<ColumnSnapshot> columns;
  std::shared_ptr<arrow::Buffer> sequences;
  std::shared_ptr<HotIndex> index;
  std::shared_ptr<HotEnds> ends;

  HotChunk Build() const;
};

class Chunk {
 public:
  /// kInternal for a column type that the hot tier lacks.
  static Result<std::unique_ptr<Chunk>> Make(SchemaPtr schema);

  /// True when a batch of `schema` may go on here.
  bool TakesSchema(const SchemaPtr& schema) const;
  /// kInternal unless `batch` has this chunk's columns.
  Status CheckColumns(const arrow::RecordBatch& batch) const;

  /// How many of the rows of `batch` from `first` on fit; at least one in an empty chunk.
  std::int64_t RowsThatFit(const arrow::RecordBatch& batch, std::int64_t first) const;
  /// Writes `rows` rows from `first` on; they get first_sequence, first_sequence + 1, …
  Status Append(const arrow::RecordBatch& batch, std::int64_t first, std::int64_t rows,
                std::uint64_t first_sequence);
  void Publish();
  void Rollback();

  std::int64_t published_rows() const { return published_rows_; }
  ChunkSnapshot Snapshot() const;
  std::uint64_t bytes() const;

 private:
  explicit Chunk(SchemaPtr schema);
  /// For how many there is room without copying a column of a fixed width.
  std::int64_t RowsAllocated() const;

  const SchemaPtr schema_;
  const std::shared_ptr<arrow::Schema> arrow_schema_;
  std::vector<std::unique_ptr<ColumnBuffer>> columns_;
  GrowingBuffer sequences_;
  std::int64_t rows_ = 0;
  std::int64_t published_rows_ = 0;
  std::shared_ptr<arrow::Buffer> shown_sequences_;
  const std::shared_ptr<HotIndex> index_ = std::make_shared<HotIndex>();
  const std::shared_ptr<HotEnds> ends_ = std::make_shared<HotEnds>();
};

}  // namespace granary::storage
