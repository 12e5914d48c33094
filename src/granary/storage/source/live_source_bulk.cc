// The way of a bulk: sets of files, then one commit.
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>

#include "granary/storage/source/bulk_writer.h"
#include "granary/storage/source/live_source.h"
#include "granary/storage/source/quiet_locks.h"
#include "granary/storage/source/schema_change.h"
#include "granary/storage/source/write_key_frame.h"

namespace granary::storage {
namespace {

Status MetByOthers(const SourceId& id, std::string_view why) {
  return {Code::kConflict, fmt::format("the schema of source \"{}\" was changed by others while "
                                       "these records came in, and {}: send them again",
                                       id.str(), why)};
}

// CheckWidenings points at a column, and speaks of one whose stored values are in the way.
std::string DescribeMisfit(const Status& misfit) {
  if (misfit.fields().empty()) return std::string(misfit.message());
  const FieldError& at = misfit.fields().front();
  return fmt::format("what they hold at {} does not fit it any more", at.pointer);
}

}  // namespace

Result<std::unique_ptr<BulkWrite>> LiveSource::StartBulk(const runtime::CancelToken& cancel) {
  GRANARY_TRY(CheckWritable());
  GRANARY_TRY(PassDebt(cancel));
  return std::unique_ptr<BulkWrite>(std::make_unique<BulkWriter>(shared_from_this(), cancel));
}

Result<std::vector<SegmentMeta>> LiveSource::WriteBulkSet(const SchemaPtr& schema,
                                                          const std::vector<HotChunk>& chunks) {
  const std::shared_lock lock(bulk_mutex_);
  GRANARY_TRY(CheckWritable());
  GRANARY_TRY(context_->manifest->closed_by());
  const StoreDeps& deps = context_->deps;
  GRANARY_TRY(deps.failpoints.Hit("bulk.before_segments"));
  return WriteSegments(deps.files, deps.failpoints, SetOptions(schema, chunks), chunks,
                       [this] { return NextSegmentId(); });
}

// write_mutex_ is held, and no frame is on its way.
Status LiveSource::CheckBulkSchema(const BulkSet& bulk) {
  const SourceShape current = shape();
  for (const SchemaPtr& version : bulk.versions) GRANARY_TRY(CheckKeyTypes(*version));
  const bool unchanged = *current.schema == *bulk.base;
  if (!bulk.versions.empty()) {
    if (!unchanged) return MetByOthers(id(), "the records change it too");
    if (current.definition->schema_mode == SchemaMode::kStrict)
      return MetByOthers(id(), "it is strict now, while the records add to it");
    GRANARY_TRY(CheckStored(*current.schema, *bulk.versions.back()));
  }
  // The bulk's own values, of which each file knows the bounds.
  const Schema& now = bulk.versions.empty() ? *current.schema : *bulk.versions.back();
  for (const SegmentMeta& segment : bulk.segments) {
    SchemaPtr written = bulk.base;
    for (const SchemaPtr& version : bulk.versions) {
      if (version->version() == segment.schema_version) written = version;
    }
    const Status fits =
        CheckWidenings(*written, now, partitions_, [&](ColumnId column) -> Result<ColumnStats> {
          const auto known = segment.columns.find(column);
          if (known != segment.columns.end()) return known->second;
          return ColumnStats{.rows = segment.rows};
        });
    if (fits.ok()) continue;
    return unchanged ? fits : MetByOthers(id(), DescribeMisfit(fits));
  }
  return Status::Ok();
}

// write_mutex_ is held. In the manifest before any of it is visible.
Status LiveSource::CommitBulkSet(const BulkSet& bulk, const WriteOutcome& outcome,
                                 const KeyTurn* turn, bool nothing_hot,
                                 const DeleteChanges& replaced) {
  const std::int64_t now_us = context_->deps.clock.WallMicros();
  BulkCommit commit{.source = uid(),
                    .schemas = {},
                    .added = bulk.segments,
                    .flushed_sequence = std::nullopt,
                    .last_write_us = bulk.rows > 0 ? now_us : last_write_us_.load(),
                    .keys = {},
                    .deletes = replaced};
  for (const SchemaPtr& schema : bulk.versions) commit.schemas.push_back({schema, now_us});
  if (nothing_hot) commit.flushed_sequence = outcome.last_sequence;
  const std::lock_guard save(save_mutex_);
  if (turn != nullptr) {
    keys_.Remember(*turn, RecordOf(outcome, bulk.rows, now_us));
    commit.keys = keys_.ChangesOf(turn->key().key);
  }
  if (Status s = context_->manifest->CommitBulk(commit); !s.ok()) {
    if (turn != nullptr) keys_.Forget(turn->key().key);
    return s;
  }
  if (turn != nullptr) keys_.Saved(commit.keys);
  last_write_us_ = commit.last_write_us;
  const std::lock_guard state(state_mutex_);
  schemas_.insert(schemas_.end(), commit.schemas.begin(), commit.schemas.end());
  return Status::Ok();
}

// Under the lock of writes, so that sequences are given, committed and shown in one step: whoever
// saw a sequence has seen all below it. Frames that have theirs already come first.
Result<WriteOutcome> LiveSource::CommitBulk(BulkSet& bulk, const KeyTurn* turn) {
  if (turn != nullptr) GRANARY_TRY(CheckNote(*turn));
  const StoreDeps& deps = context_->deps;
  GRANARY_ASSIGN(const QuietLocks locks, LockQuietly());
  GRANARY_TRY(CheckWritable());
  GRANARY_TRY(CheckLogOpen());
  if (turn != nullptr) {
    GRANARY_ASSIGN(const auto first, keys_.FirstOf(*turn));
    if (first) return OutcomeOf(*first);
  }
  GRANARY_TRY(CheckBulkSchema(bulk));
  GRANARY_TRY(SyncLog());
  WriteOutcome outcome;
  outcome.first_sequence = next_sequence_;
  outcome.last_sequence = next_sequence_ + bulk.rows - 1;
  outcome.schema_version =
      bulk.versions.empty() ? schema()->version() : bulk.versions.back()->version();
  for (SegmentMeta& meta : bulk.segments) {
    meta.min_sequence += next_sequence_;
    meta.max_sequence += next_sequence_;
  }
  Segments added, changed;
  for (const SegmentMeta& meta : bulk.segments) {
    SchemaPtr written = bulk.base;
    for (const SchemaPtr& version : bulk.versions) {
      if (version->version() == meta.schema_version) written = version;
    }
    added.push_back(MakeSegment(meta, std::move(written)));
  }
  DeleteChanges replaced;
  if (hot_keys_ != nullptr)
    GRANARY_TRY(ReplaceByBulk(added, outcome.last_sequence, replaced, changed));
  GRANARY_TRY(deps.failpoints.Hit("bulk.before_manifest"));
  // Writers wait and no frame is on its way, so what is not hot now never will be. A flush that has
  // not swapped yet counts as hot.
  const bool nothing_hot = bulk.rows > 0 && tiers_.counts().rows == 0;
  const Status committed = CommitBulkSet(bulk, outcome, turn, nothing_hot, replaced);
  // A commit whose outcome nobody knows may have given the sequences away.
  if (committed.ok() || !context_->manifest->closed_by().ok()) next_sequence_ += bulk.rows;
  GRANARY_TRY(committed);
  bulk.segments.clear();
  if (bulk.rows > 0) {
    tiers_.AddBulk(std::move(added), outcome.last_sequence,
                   nothing_hot ? Tiers::Below::kFlushed : Tiers::Below::kMayBeHot, changed);
    tiers_.Forget(replaced.forgotten_sequence);
  }
  ++declared_indexes_;  // Indexes may have been declared since the files were written.
  context_->Press();
  deps.log.Debug("bulk committed", {{"source", id().str()}, {"rows", bulk.rows}});
  GRANARY_TRY(deps.failpoints.Hit("bulk.after_manifest"));
  return outcome;
}

void LiveSource::DiscardBulk(const std::vector<SegmentMeta>& segments) {
  // A commit whose outcome nobody knows may have named the files.
  if (segments.empty() || !context_->manifest->closed_by().ok()) return;
  for (const SegmentMeta& meta : segments) context_->segment_files.Forget(meta);
  DiscardSegments(context_->deps.files, folder_, segments);
}

std::vector<SequenceRange> LiveSource::bulk_ranges() const {
  const TierView view = tiers_.View();
  std::vector<SequenceRange> known, ranges;
  const auto add = [&](std::uint64_t first, std::uint64_t last) {
    if (last > view.flushed_sequence) known.push_back({first, last});
  };
  for (const auto& segment : view.segments) {
    add(segment->meta().min_sequence, segment->meta().max_sequence);
    if (segment->deletions() == nullptr) continue;
    for (const DeletionPtr& version : segment->deletions()->versions())
      add(version->last_sequence, version->last_sequence);
  }
  add(record_.delete_sequence, record_.delete_sequence);
  std::sort(known.begin(), known.end(),
            [](const SequenceRange& a, const SequenceRange& b) { return a.first < b.first; });
  for (const SequenceRange& range : known) {
    if (!ranges.empty() && range.first <= ranges.back().last + 1)
      ranges.back().last = std::max(ranges.back().last, range.last);
    else
      ranges.push_back(range);
  }
  return ranges;
}

}  // namespace granary::storage
