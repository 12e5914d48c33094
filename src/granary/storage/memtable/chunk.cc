#include "granary/storage/memtable/chunk.h"

#include <algorithm>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

namespace granary::storage {
namespace {

// Buffers of strings double: past so many bytes a new chunk takes less than the copy would.
constexpr std::uint64_t kChunkBytes = 8u << 20;
// Growing copies into new buffers, and the old ones stay until the rows are shown: it is not done
// for more than so many bytes.
constexpr std::uint64_t kGrownBytes = kChunkBytes / 2;

}  // namespace

HotChunk ChunkSnapshot::Build() const {
  std::vector<std::shared_ptr<arrow::ArrayData>> data;
  data.reserve(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    data.push_back(MakeColumn(columns[i], arrow_schema->field(static_cast<int>(i))->type(), rows));
  }
  return {schema, arrow::RecordBatch::Make(arrow_schema, rows, std::move(data)),
          std::make_shared<arrow::Int64Array>(rows, sequences), index, ends};
}

Chunk::Chunk(SchemaPtr schema) : schema_(std::move(schema)), arrow_schema_(schema_->ToArrow()) {}

Result<std::unique_ptr<Chunk>> Chunk::Make(SchemaPtr schema) {
  std::unique_ptr<Chunk> chunk(new Chunk(std::move(schema)));
  chunk->columns_.reserve(static_cast<std::size_t>(chunk->arrow_schema_->num_fields()));
  for (const auto& field : chunk->arrow_schema_->fields()) {
    GRANARY_ASSIGN(auto column, ColumnBuffer::Make(field->type()));
    chunk->columns_.push_back(std::move(column));
  }
  return chunk;
}

bool Chunk::TakesSchema(const SchemaPtr& schema) const {
  return schema == schema_ || *schema == *schema_;
}

Status Chunk::CheckColumns(const arrow::RecordBatch& batch) const {
  const auto& columns = batch.column_data();
  if (columns.size() != columns_.size()) {
    return Status::Internal(
        fmt::format("a batch of {} columns for a schema of {}", columns.size(), columns_.size()));
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto& given = columns[i]->type;
    const auto& wanted = columns_[i]->type();
    if (given == wanted || given->Equals(*wanted)) continue;
    return Status::Internal(fmt::format("column {} of a batch is {}, its schema says {}",
                                        schema_->columns()[i].name, given->ToString(),
                                        wanted->ToString()));
  }
  return Status::Ok();
}

std::int64_t Chunk::RowsThatFit(const arrow::RecordBatch& batch, std::int64_t first) const {
  std::int64_t rows = std::min(batch.num_rows() - first, kChunkRows - rows_);
  if (rows_ > 0) {
    const std::uint64_t held = bytes();
    if (held >= kChunkBytes) return 0;
    const std::uint64_t then =
        held + held / static_cast<std::uint64_t>(rows_) * static_cast<std::uint64_t>(rows);
    if (then > kGrownBytes) rows = std::min(rows, RowsAllocated() - rows_);
  }
  for (std::size_t i = 0; i < columns_.size() && rows > 0; ++i) {
    rows = columns_[i]->RowsThatFit(*batch.column_data()[i], first, rows);
  }
  return rows_ == 0 ? std::max<std::int64_t>(rows, 1) : rows;
}

std::int64_t Chunk::RowsAllocated() const {
  std::int64_t rows = sequences_.capacity() / static_cast<std::int64_t>(sizeof(std::int64_t));
  for (const auto& column : columns_) rows = std::min(rows, column->rows_allocated());
  return rows;
}

Status Chunk::Append(const arrow::RecordBatch& batch, std::int64_t first, std::int64_t rows,
                     std::uint64_t first_sequence) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    GRANARY_TRY(columns_[i]->Append(*batch.column_data()[i], first, rows));
  }
  constexpr std::int64_t kWidth = sizeof(std::int64_t);
  GRANARY_TRY(sequences_.Reserve(rows_ * kWidth, (rows_ + rows) * kWidth));
  auto* sequences = sequences_.as<std::int64_t>() + rows_;
  for (std::int64_t i = 0; i < rows; ++i)
    sequences[i] = static_cast<std::int64_t>(first_sequence) + i;
  rows_ += rows;
  return Status::Ok();
}

void Chunk::Publish() {
  for (const auto& column : columns_) column->Publish();
  if (shown_sequences_ != sequences_.buffer()) shown_sequences_ = sequences_.buffer();
  published_rows_ = rows_;
}

void Chunk::Rollback() {
  for (const auto& column : columns_) column->Rollback();
  rows_ = published_rows_;
}

ChunkSnapshot Chunk::Snapshot() const {
  ChunkSnapshot snapshot{schema_, arrow_schema_, published_rows_, {}, shown_sequences_,
                         index_,  ends_};
  snapshot.columns.reserve(columns_.size());
  for (const auto& column : columns_) snapshot.columns.push_back(column->Snapshot());
  return snapshot;
}

std::uint64_t Chunk::bytes() const {
  std::int64_t bytes = rows_ * static_cast<std::int64_t>(sizeof(std::int64_t));
  for (const auto& column : columns_) bytes += column->bytes();
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace granary::storage
