// Idempotency keys on the ways of a write and of a flush.
#include <fmt/format.h>

#include "granary/base/check.h"
#include "granary/storage/source/live_source.h"
#include "granary/storage/source/write_key_frame.h"
#include "granary/storage/wal/keyed_payload.h"

namespace granary::storage {

Status CheckNote(const KeyTurn& turn) {
  if (turn.note().size() <= kKeyNoteMaxBytes) return Status::Ok();
  return {Code::kTooLarge,
          fmt::format("an answer of {} bytes is too long to be remembered under an idempotency "
                      "key, which takes {}",
                      turn.note().size(), kKeyNoteMaxBytes)};
}

Status AddKey(const KeyTurn& turn, std::int64_t written_us, WalFrame& frame) {
  GRANARY_TRY(CheckNote(turn));
  GRANARY_CHECK(turn.key().body.has_value(), "the body of key '{}' was never said", turn.key().key);
  frame.kind = FrameKind::kKeyedRecords;
  frame.idempotency_key = turn.key().key;
  frame.body_hash = turn.key().body->low;
  AppendKeyedPayload({.written_us = written_us,
                      .body_hash_high = turn.key().body->high,
                      .note = turn.note(),
                      .batch = {}},
                     frame.payload);
  return Status::Ok();
}

KeyRecord RecordOf(const WriteOutcome& outcome, std::uint64_t records, std::int64_t written_us) {
  KeyRecord record;
  record.first_sequence = outcome.first_sequence;
  record.records = records;
  record.schema_version = outcome.schema_version;
  record.durable = outcome.durable;
  record.written_us = written_us;
  return record;
}

WriteOutcome OutcomeOf(const KeyRecord& record) {
  return {.first_sequence = record.first_sequence,
          .last_sequence = record.last_sequence(),
          .schema_version = record.schema_version,
          .durable = record.durable};
}

Result<KeyTurn> LiveSource::TakeKey(const WriteKey& key, const runtime::CancelToken& cancel) {
  if (key.key.empty() || key.key.size() > kWriteKeyMaxBytes) {
    return Status(Code::kInvalidArgument,
                  fmt::format("an idempotency key of {} bytes, allowed are 1 to {}", key.key.size(),
                              kWriteKeyMaxBytes));
  }
  GRANARY_TRY(CheckWritable());
  return keys_.Take(key, cancel);
}

// No frame holds on to a key without records, so the manifest has it before the answer goes out.
Status LiveSource::RememberNothingWritten(const WriteOutcome& outcome, const KeyTurn& turn) {
  keys_.Remember(turn, RecordOf(outcome, 0, context_->deps.clock.WallMicros()));
  const std::lock_guard save(save_mutex_);
  const KeyChanges changes = keys_.ChangesOf(turn.key().key);
  if (Status s = context_->manifest->CommitKeys(uid(), changes); !s.ok()) {
    keys_.Forget(turn.key().key);
    return s;
  }
  keys_.Saved(changes);
  return Status::Ok();
}

Status LiveSource::CommitWithKeys(FlushCommit& flush) {
  const std::lock_guard save(save_mutex_);
  flush.keys = keys_.ChangesUpTo(flush.flushed_sequence);
  GRANARY_TRY(context_->manifest->CommitFlush(flush));
  keys_.Saved(flush.keys);
  if (const std::uint64_t evicted = keys_.TakeEvicted(); evicted > 0) {
    context_->deps.log.Warn("idempotency keys were forgotten before their time",
                            {{"source", id().str()},
                             {"keys", evicted},
                             {"keys_max", context_->options.idempotency_keys_max}});
  }
  return Status::Ok();
}

}  // namespace granary::storage
