#include "granary/storage/source/bulk_writer.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

namespace granary::storage {
namespace {

// So that several bulks and the writes beside them find room.
constexpr std::uint64_t kHotPartsOfASet = 8;

std::shared_ptr<arrow::Int64Array> SequencesFrom(std::uint64_t first, std::int64_t count) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), static_cast<std::int64_t>(first));
  return std::make_shared<arrow::Int64Array>(count, arrow::Buffer::FromVector(std::move(values)));
}

}  // namespace

BulkWriter::BulkWriter(std::shared_ptr<LiveSource> source, runtime::CancelToken cancel)
    : source_(std::move(source)), cancel_(std::move(cancel)) {
  set_.base = source_->schema();
}

BulkWriter::~BulkWriter() { source_->DiscardBulk(set_.segments); }

SchemaPtr BulkWriter::schema() const {
  return set_.versions.empty() ? set_.base : set_.versions.back();
}

Status BulkWriter::Append(const SchemaPtr& schema,
                          const std::shared_ptr<arrow::RecordBatch>& batch) {
  if (schema != this->schema()) set_.versions.push_back(schema);
  if (batch->num_rows() == 0) return Status::Ok();
  GRANARY_TRY(source_->CheckKeys(*schema, *batch));
  StoreContext& context = source_->context();
  const auto bytes = static_cast<std::uint64_t>(
      arrow::util::ReferencedBufferSize(*batch).ValueOr(arrow::util::TotalBufferSize(*batch)));
  std::optional<HotBudget::Hold> hold = context.budget.TryHold(bytes);
  if (!hold.has_value()) {
    GRANARY_TRY(WriteSet());  // What is held here is the first that can go.
    GRANARY_ASSIGN(hold, context.budget.AwaitHold(bytes, cancel_));
  }
  holds_.push_back(std::move(*hold));
  chunks_.push_back({schema, batch, SequencesFrom(set_.rows, batch->num_rows())});
  set_.rows += static_cast<std::uint64_t>(batch->num_rows());
  chunk_rows_ += static_cast<std::uint64_t>(batch->num_rows());
  chunk_bytes_ += bytes;
  const StoreOptions& options = context.options;
  const std::uint64_t set_bytes =
      std::min(options.flush_bytes, options.hot_bytes_max / kHotPartsOfASet);
  if (chunk_rows_ < options.flush_rows && chunk_bytes_ < set_bytes) return Status::Ok();
  return WriteSet();
}

Status BulkWriter::WriteSet() {
  if (chunks_.empty()) return Status::Ok();
  GRANARY_ASSIGN(std::vector<SegmentMeta> written, source_->WriteBulkSet(schema(), chunks_));
  for (SegmentMeta& meta : written) set_.segments.push_back(std::move(meta));
  chunks_.clear();
  holds_.clear();
  chunk_rows_ = chunk_bytes_ = 0;
  return Status::Ok();
}

Result<WriteOutcome> BulkWriter::Commit(const KeyTurn* turn) {
  GRANARY_TRY(WriteSet());
  return source_->CommitBulk(set_, turn);
}

}  // namespace granary::storage
