#include "granary/formats/batch_reader.h"

#include <algorithm>

#include <arrow/array/concatenate.h>
#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include "granary/formats/batch_fit.h"
#include "granary/formats/record_places.h"

namespace granary::formats {
namespace {

class BatchChunk final : public TableChunk {
 public:
  BatchChunk(std::shared_ptr<DecodeMemory> memory, std::shared_ptr<arrow::RecordBatch> batch,
             std::uint64_t first, std::size_t columns_max)
      : memory_(std::move(memory)),
        batch_(std::move(batch)),
        first_(first),
        columns_max_(columns_max) {}

  std::uint64_t rows() const override { return static_cast<std::uint64_t>(batch_->num_rows()); }

  Result<json::ParsedRecords> Parse(const SchemaPtr& schema, json::SchemaMode mode,
                                    json::RejectedRecords* rejected) override {
    const FitOptions options{schema, mode, columns_max_, &memory_->pool, first_};
    const auto nowhere = [](std::int64_t) { return std::string(); };
    json::RejectedRecords found;
    auto parsed = FitBatch(*batch_, options, rejected == nullptr ? nullptr : &found);
    if (!parsed.ok()) return memory_->Explain(parsed.status());
    if (rejected != nullptr) AddRejected(found, first_, nowhere, *rejected);
    return parsed;
  }

 private:
  const std::shared_ptr<DecodeMemory> memory_;
  const std::shared_ptr<arrow::RecordBatch> batch_;
  const std::uint64_t first_;
  const std::size_t columns_max_;
};

/// A part of a batch in memory of its own, so that a part that waits to be written does not keep
/// the whole batch while the next one is decoded.
Result<std::shared_ptr<arrow::RecordBatch>> Copied(const arrow::RecordBatch& part,
                                                   arrow::MemoryPool* pool) {
  arrow::ArrayVector columns;
  for (const auto& column : part.columns()) {
    auto copy = arrow::Concatenate({column}, pool);
    if (copy.status().IsNotImplemented()) copy = column;  // It only costs memory.
    GRANARY_TRY(BodyFailure(copy.status(), "table"));
    columns.push_back(copy.MoveValueUnsafe());
  }
  return arrow::RecordBatch::Make(part.schema(), part.num_rows(), std::move(columns));
}

}  // namespace

Status BodyFailure(const arrow::Status& status, std::string_view what) {
  if (status.ok()) return Status::Ok();
  if (status.IsOutOfMemory() || status.IsCapacityError()) {
    return {Code::kTooLarge,
            fmt::format("the {} needs more memory at once than is given to a body", what)};
  }
  return {Code::kInvalidRequest,
          fmt::format("the body is not a whole {}: {}", what, status.message())};
}

Status BatchReader::CountClaimed() {
  claimed_ += static_cast<std::uint64_t>(rest_->num_rows());
  const std::uint64_t paid = claimed_ - std::min(claimed_, kRecordsFree);
  const std::uint64_t bytes = source_->body_bytes(), each = limits_.records_per_byte_max;
  if (paid / each < bytes || (paid / each == bytes && paid % each == 0)) return Status::Ok();
  return {Code::kTooLarge,
          fmt::format("the table claims {} records in {} bytes: past the first {} it may have {} "
                      "for each byte",
                      claimed_, bytes, kRecordsFree, each)};
}

Status BatchReader::CheckColumns(const Schema& schema) const {
  for (const auto& field : source_->schema().fields()) {
    if (schema.Find(field->name()) == nullptr) return NoSuchColumn(field->name());
  }
  return Status::Ok();
}

Result<std::unique_ptr<TableChunk>> BatchReader::Next() {
  auto chunk = Cut();
  if (!chunk.ok()) return memory_->Explain(chunk.status());
  return chunk;
}

Result<std::unique_ptr<TableChunk>> BatchReader::Cut() {
  while (rest_ == nullptr || rest_->num_rows() == 0) {
    GRANARY_ASSIGN(rest_, source_->Next());
    if (rest_ == nullptr) return std::unique_ptr<TableChunk>();
    GRANARY_TRY(CountClaimed());
    GRANARY_TRY(BodyFailure(rest_->ValidateFull(), "table"));
  }
  const std::int64_t all = rest_->num_rows();
  const std::int64_t bytes = std::max<std::int64_t>(
      arrow::util::ReferencedBufferSize(*rest_).ValueOr(arrow::util::TotalBufferSize(*rest_)), 1);
  const auto fitting = static_cast<std::int64_t>(static_cast<double>(all) *
                                                 static_cast<double>(limits_.chunk_bytes) /
                                                 static_cast<double>(bytes));
  const std::int64_t rows = std::clamp<std::int64_t>(
      fitting, 1,
      static_cast<std::int64_t>(limits_.rows_max(static_cast<std::size_t>(rest_->num_columns()))));
  auto part = rest_;
  if (rows < all) {
    GRANARY_ASSIGN(part, Copied(*rest_->Slice(0, rows), &memory_->pool));
    rest_ = rest_->Slice(rows);
  } else if (is_part_) {
    GRANARY_ASSIGN(part, Copied(*rest_, &memory_->pool));
  }
  is_part_ = rows < all;
  if (!is_part_) rest_ = nullptr;
  const std::uint64_t first = records_;
  records_ += static_cast<std::uint64_t>(part->num_rows());
  return std::unique_ptr<TableChunk>(
      std::make_unique<BatchChunk>(memory_, std::move(part), first, limits_.columns_max));
}

}  // namespace granary::formats
