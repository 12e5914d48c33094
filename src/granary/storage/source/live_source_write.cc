// The way of a write: schema, sequences, log, hot tier.
#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include "granary/storage/source/live_source.h"
#include "granary/storage/source/schema_change.h"
#include "granary/storage/wal/batch_codec.h"

namespace granary::storage {

Status LiveSource::CheckWritable() const {
  if (context_->closed) return {Code::kUnavailable, "the store is shutting down"};
  const std::lock_guard lock(state_mutex_);
  GRANARY_TRY(refused_);
  GRANARY_TRY(broken_);
  return dropped_ ? NotFound() : Status::Ok();
}

Result<WriteOutcome> LiveSource::Write(const SchemaPtr& schema,
                                       std::shared_ptr<arrow::RecordBatch> batch) {
  GRANARY_TRY(CheckWritable());
  if (static_cast<std::size_t>(batch->num_columns()) != schema->columns().size()) {
    return Status::Internal(fmt::format("a batch of {} columns for a schema of {}",
                                        batch->num_columns(), schema->columns().size()));
  }
  HotBudget::Hold hold;
  if (!context_->budget.Reserve(static_cast<std::uint64_t>(arrow::util::TotalBufferSize(*batch)),
                                hold)) {
    context_->Press();
    return Status(Code::kOverloaded,
                  fmt::format("{} bytes wait to be flushed, the limit is {}: try again shortly",
                              context_->budget.bytes(), context_->budget.bytes_max()));
  }
  return record_.definition.wal_enabled ? WriteLogged(schema, batch)
                                        : WriteUnlogged(schema, *batch);
}

// write_mutex_ is held. Does nothing for the current schema.
Status LiveSource::AdoptSchema(const SchemaPtr& schema) {
  const SchemaPtr current = this->schema();
  if (schema == current || *schema == *current) return Status::Ok();
  if (!IsSuccessor(*current, *schema)) {
    return {Code::kConflict, fmt::format("source \"{}\" has schema version {} by now", id().str(),
                                         current->version())};
  }
  GRANARY_TRY(
      CheckWidenings(*current, *schema, partitions_, [&](ColumnId column) -> Result<ColumnStats> {
        const TierView view = tiers_.View();
        if (view.visible_sequence + 1 != next_sequence_) {
          return Status(Code::kConflict,
                        "other writes are on their way to the log, whose values are not known yet");
        }
        return stats_.Get(view, current)[column];
      }));
  // Before any frame names the version: replay finds the schemas of all frames in the manifest.
  GRANARY_TRY(context_->manifest->CommitSchema(uid(), *schema));
  const std::lock_guard lock(state_mutex_);
  schemas_.push_back(schema);
  return Status::Ok();
}

// write_mutex_ is held.
void LiveSource::TakeSequences(std::int64_t records, WriteOutcome& outcome) {
  outcome.first_sequence = next_sequence_;
  next_sequence_ += static_cast<std::uint64_t>(records);
  outcome.last_sequence = next_sequence_ - 1;
  outcome.schema_version = schema()->version();
}

Result<WriteOutcome> LiveSource::WriteLogged(const SchemaPtr& schema,
                                             const std::shared_ptr<arrow::RecordBatch>& batch) {
  // Outside the lock: encoding is most of the work of a write.
  WalFrame frame;
  GRANARY_ASSIGN(frame.payload, EncodeBatch(*batch));
  const std::uint64_t log_bytes = frame.payload.size();
  LaneSlot& lane = *context_->lanes.at(record_.wal_lane);

  WriteOutcome outcome;
  Status published;
  std::shared_ptr<WalLane> log;
  WalLane::Ticket ticket = 0;
  {
    const std::lock_guard lock(write_mutex_);
    GRANARY_TRY(CheckWritable());
    log = lane.log();
    if (const Status closed = log->closed_by(); !closed.ok()) return LogFailed(closed);
    GRANARY_TRY(AdoptSchema(schema));
    TakeSequences(batch->num_rows(), outcome);
    if (batch->num_rows() == 0) return outcome;
    frame.tenant = context_->options.tenant.str();
    frame.source = id().str();
    frame.source_uid = uid();
    frame.schema_version = outcome.schema_version;
    frame.first_sequence = outcome.first_sequence;
    frame.records = static_cast<std::uint32_t>(batch->num_rows());
    const std::uint64_t log_start = lane.Advance(log_bytes);
    // The lane calls back before Wait returns, so what the callback refers to is still there.
    Result<WalLane::Ticket> taken =
        log->Enqueue(std::move(frame), [&, schema = this->schema()](const Status& durable) {
          published = durable.ok()
                          ? Publish(schema, *batch, outcome.first_sequence, log_bytes, log_start)
                          : durable;
        });
    if (!taken.ok()) {
      next_sequence_ = outcome.first_sequence;
      return taken.status().code() == Code::kTooLarge ? taken.status() : LogFailed(taken.status());
    }
    ticket = *taken;
    last_log_ = log;
    last_ticket_ = ticket;
  }
  if (const Status durable = log->Wait(ticket); !durable.ok()) return LogFailed(durable);
  if (!published.ok()) return PublishFailed(published);
  return outcome;
}

Result<WriteOutcome> LiveSource::WriteUnlogged(const SchemaPtr& schema,
                                               const arrow::RecordBatch& batch) {
  WriteOutcome outcome;
  outcome.durable = false;
  const std::lock_guard lock(write_mutex_);
  GRANARY_TRY(CheckWritable());
  GRANARY_TRY(AdoptSchema(schema));
  TakeSequences(batch.num_rows(), outcome);
  if (const Status s = Publish(this->schema(), batch, outcome.first_sequence, 0, 0); !s.ok()) {
    next_sequence_ = outcome.first_sequence;
    return s;
  }
  return outcome;
}

// Called by the lane, one at a time and in order of sequence; or under write_mutex_ without a log.
Status LiveSource::Publish(const SchemaPtr& schema, const arrow::RecordBatch& batch,
                           std::uint64_t first_sequence, std::uint64_t log_bytes,
                           std::uint64_t log_start) {
  GRANARY_TRY(
      tiers_.Append(schema, batch, first_sequence, {context_->NowMicros(), log_bytes, log_start}));
  last_write_us_ = context_->deps.clock.WallMicros();
  const HotCounts counts = tiers_.counts();
  const StoreOptions& options = context_->options;
  if (counts.rows >= options.flush_rows || counts.bytes >= options.flush_bytes ||
      context_->budget.bytes() > context_->budget.bytes_max() / 4 * 3) {
    context_->Press();
  }
  return Status::Ok();
}

// The lane is closed, since nobody knows which bytes it holds, and stays so until a restart (a full
// disk excepted). Its state is the source's: nothing is kept here.
Status LiveSource::LogFailed(const Status& cause) const {
  if (context_->closed) return {Code::kUnavailable, "the store is shutting down"};
  return {cause.code() == Code::kDiskFull ? Code::kDiskFull : Code::kUnavailable,
          fmt::format("source \"{}\" is read-only, since its log failed: {}", id().str(),
                      cause.message())};
}

// The records are in the log and not in memory: a restart brings them back. No later write may be
// acknowledged over the hole.
Status LiveSource::PublishFailed(const Status& cause) {
  const std::lock_guard lock(state_mutex_);
  broken_ = {Code::kUnavailable, fmt::format("source \"{}\" is read-only until a restart: {}",
                                             id().str(), cause.message())};
  context_->deps.log.Error("source is read-only",
                           {{"source", id().str()}, {"cause", cause.ToString()}});
  return broken_;
}

}  // namespace granary::storage
