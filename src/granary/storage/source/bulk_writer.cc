#include "granary/storage/source/bulk_writer.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <optional>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

namespace granary::storage {
namespace {

// So that several bulks, each of two sets, and the writes beside them find room.
constexpr std::uint64_t kHotPartsOfASet = 16;

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

struct BulkWriter::Flight {
  std::vector<HotChunk> chunks;
  std::vector<HotBudget::Hold> holds;
  std::mutex mutex;
  std::condition_variable ended;
  std::optional<Result<std::vector<SegmentMeta>>> written;
};

BulkWriter::~BulkWriter() {
  (void)EndSet();
  source_->DiscardBulk(set_.segments);
}

SchemaPtr BulkWriter::schema() const {
  return set_.versions.empty() ? set_.base : set_.versions.back();
}

Status BulkWriter::Append(const SchemaPtr& schema,
                          const std::shared_ptr<arrow::RecordBatch>& batch) {
  if (schema != this->schema()) set_.versions.push_back(schema);
  if (batch->num_rows() == 0) return Status::Ok();
  GRANARY_TRY(source_->CheckWritable());  // Now, and not when the set has failed to be written.
  GRANARY_TRY(source_->CheckKeys(*schema, *batch));
  StoreContext& context = source_->context();
  const auto bytes = static_cast<std::uint64_t>(
      arrow::util::ReferencedBufferSize(*batch).ValueOr(arrow::util::TotalBufferSize(*batch)));
  std::optional<HotBudget::Hold> hold = context.budget.TryHold(bytes);
  if (!hold.has_value()) {
    // What is held here is the first that can go.
    GRANARY_TRY(StartSet());
    GRANARY_TRY(EndSet());
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
  return StartSet();
}

Status BulkWriter::StartSet() {
  GRANARY_TRY(EndSet());
  if (chunks_.empty()) return Status::Ok();
  flight_ = std::make_shared<Flight>();
  flight_->chunks = std::exchange(chunks_, {});
  flight_->holds = std::exchange(holds_, {});
  chunk_rows_ = chunk_bytes_ = 0;
  source_->context().deps.pool.Submit([source = source_, schema = schema(), flight = flight_] {
    Result<std::vector<SegmentMeta>> written = Status::Internal("nothing was written");
    try {
      written = source->WriteBulkSet(schema, flight->chunks);
    } catch (const std::exception& e) {
      written = Status::Internal(e.what());  // Without memory; who waits must hear of it.
    }
    flight->chunks.clear();
    flight->holds.clear();
    const std::lock_guard lock(flight->mutex);
    flight->written = std::move(written);
    flight->ended.notify_all();
  });
  return Status::Ok();
}

Status BulkWriter::EndSet() {
  const std::shared_ptr<Flight> flight = std::exchange(flight_, nullptr);
  if (flight == nullptr) return Status::Ok();
  std::unique_lock lock(flight->mutex);
  flight->ended.wait(lock, [&flight] { return flight->written.has_value(); });
  if (!flight->written->ok()) return flight->written->status();
  for (SegmentMeta& meta : flight->written->value()) set_.segments.push_back(std::move(meta));
  return Status::Ok();
}

Result<WriteOutcome> BulkWriter::Commit(const KeyTurn* turn) {
  GRANARY_TRY(StartSet());
  GRANARY_TRY(EndSet());
  return source_->CommitBulk(set_, turn);
}

}  // namespace granary::storage
