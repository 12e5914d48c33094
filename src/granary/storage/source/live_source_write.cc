// The way of a write: schema, sequences, log, hot tier.
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "granary/storage/source/live_source.h"
#include "granary/storage/source/write_key_frame.h"
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
                                       std::shared_ptr<arrow::RecordBatch> batch,
                                       const KeyTurn* turn, const runtime::CancelToken& cancel) {
  GRANARY_TRY(CheckWritable());
  if (static_cast<std::size_t>(batch->num_columns()) != schema->columns().size()) {
    return Status::Internal(fmt::format("a batch of {} columns for a schema of {}",
                                        batch->num_columns(), schema->columns().size()));
  }
  GRANARY_TRY(CheckKeys(*schema, *batch));
  GRANARY_TRY(PassDebt(cancel));
  GRANARY_ASSIGN(const HotBudget::Hold hold, context_->budget.AwaitHold(GrowthMax(*batch), cancel));
  return record_.definition.wal_enabled ? WriteLogged(schema, batch, turn)
                                        : WriteUnlogged(schema, *batch, turn);
}

// A new record makes a file sooner or later: whoever brings more than merging keeps up with is
// slowed to its pace. Before anything is held.
Status LiveSource::PassDebt(const runtime::CancelToken& cancel) {
  if (!debt_.owes()) return Status::Ok();
  return debt_.Pass(cancel).At(fmt::format("source \"{}\"", id().str()));
}

// write_mutex_ is held.
void LiveSource::TakeSequences(std::int64_t records, WriteOutcome& outcome) {
  outcome.first_sequence = next_sequence_;
  next_sequence_ += static_cast<std::uint64_t>(records);
  outcome.last_sequence = next_sequence_ - 1;
  outcome.schema_version = schema()->version();
}

Result<WriteOutcome> LiveSource::WriteLogged(const SchemaPtr& schema,
                                             const std::shared_ptr<arrow::RecordBatch>& batch,
                                             const KeyTurn* turn) {
  // Outside the lock: encoding is most of the work of a write.
  const std::int64_t written_us = context_->deps.clock.WallMicros();
  WalFrame frame;
  frame.tenant = context_->options.tenant.str();
  frame.source = id().str();
  frame.source_uid = uid();
  frame.records = static_cast<std::uint32_t>(batch->num_rows());
  GRANARY_ASSIGN(frame.payload, EncodeBatch(*batch));
  if (turn != nullptr) GRANARY_TRY(AddKey(*turn, written_us, frame));
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
    // A lane that was opened anew may have brought back the frame of an attempt that had failed.
    if (turn != nullptr) {
      GRANARY_ASSIGN(const auto first, keys_.FirstOf(*turn));
      if (first) return OutcomeOf(*first);
    }
    GRANARY_TRY(log->CheckFits(frame));  // Before the schema: a refused batch adds no columns.
    GRANARY_TRY(AdoptSchema(schema));
    TakeSequences(batch->num_rows(), outcome);
    if (batch->num_rows() == 0) {
      if (turn != nullptr) GRANARY_TRY(RememberNothingWritten(outcome, *turn));
      return outcome;
    }
    frame.schema_version = outcome.schema_version;
    frame.first_sequence = outcome.first_sequence;
    outcome.durable = definition()->durability == Durability::kSync;
    const std::uint64_t log_start = lane.Advance(log_bytes);
    // The lane calls back before Wait returns, so what the callback refers to is still there.
    FrameLaunched();
    Result<WalLane::Ticket> taken = log->Enqueue(
        std::move(frame),
        [&, write = Publication{this->schema(), *batch, outcome, turn, written_us, log_bytes,
                                log_start}](const Status& logged) {
          if (logged.ok()) published = PublishLogged(write);
          FrameLanded();
        },
        outcome.durable ? WalSync::kBeforeAnswer : WalSync::kLater);
    if (!taken.ok()) {
      FrameLanded();
      next_sequence_ = outcome.first_sequence;
      return LogFailed(taken.status());
    }
    ticket = *taken;
  }
  if (const Status logged = log->Wait(ticket); !logged.ok()) return LogFailed(logged);
  GRANARY_TRY(published);
  return outcome;
}

Result<WriteOutcome> LiveSource::WriteUnlogged(const SchemaPtr& schema,
                                               const arrow::RecordBatch& batch,
                                               const KeyTurn* turn) {
  WriteOutcome outcome;
  outcome.durable = false;
  const std::lock_guard lock(write_mutex_);
  GRANARY_TRY(CheckWritable());
  GRANARY_TRY(AdoptSchema(schema));
  TakeSequences(batch.num_rows(), outcome);
  if (batch.num_rows() == 0) {
    if (turn != nullptr) GRANARY_TRY(RememberNothingWritten(outcome, *turn));
    return outcome;
  }
  const std::int64_t written_us = context_->deps.clock.WallMicros();
  const Status published = Publish({this->schema(), batch, outcome, turn, written_us});
  if (!published.ok()) {
    next_sequence_ = outcome.first_sequence;
    return published;
  }
  return outcome;
}

// Called by the lane, one at a time and in order of sequence; or under write_mutex_ without a log.
// The key comes first: a flush that takes the records along finds it there.
Status LiveSource::Publish(const Publication& write) {
  if (write.turn != nullptr)
    keys_.Remember(*write.turn,
                   RecordOf(write.outcome, static_cast<std::uint64_t>(write.batch.num_rows()),
                            write.written_us));
  if (Status s = tiers_.Append(write.schema, write.batch, write.outcome.first_sequence,
                               {context_->NowMicros(), write.log_bytes, write.log_start});
      !s.ok()) {
    if (write.turn != nullptr) keys_.Forget(write.turn->key().key);
    return s;
  }
  last_write_us_ = context_->deps.clock.WallMicros();
  const HotCounts counts = tiers_.counts();
  const StoreOptions& options = context_->options;
  if (counts.rows >= options.flush_rows || counts.bytes >= options.flush_bytes ||
      context_->budget.bytes() > context_->budget.bytes_max() / 4 * 3) {
    context_->Press();
  }
  return Status::Ok();
}

// A failure is known to all before the frame counts as landed.
Status LiveSource::PublishLogged(const Publication& write) {
  const Status published = Publish(write);
  return published.ok() ? published : PublishFailed(published);
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
