// The way of a delete: search, one commit of which rows are deleted, swap.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "granary/storage/source/live_source.h"
#include "granary/storage/source/write_key_frame.h"

namespace granary::storage {
namespace {

// So often files that were flushed or merged meanwhile are searched without holding anybody up.
constexpr int kSearchesMax = 4;

}  // namespace

/// What a delete has found so far.
struct LiveSource::DeleteSearch {
  std::uint64_t visible_sequence = 0;  ///< Of the snapshot: later records stay.
  std::unordered_set<SegmentId> seen;
  MatchedRows matched;
};

DeletionLimits LiveSource::DeletionLimitsOfNow() const {
  return {
      .fold_before_us = context_->deps.clock.WallMicros() - context_->options.snapshot_retention_us,
      .versions_max = context_->options.deletion_versions_max};
}

// The live segments that may hold rows of the snapshot and were not searched: those that its hot
// rows were flushed to, and those that merged others. What was matched in files that were replaced
// is matched again in the new ones.
SourceSnapshot LiveSource::Unseen(const DeleteSearch& search) const {
  SourceSnapshot snapshot = SnapshotFrom(tiers_.View());
  snapshot.hot.clear();
  snapshot.visible_sequence = search.visible_sequence;
  std::erase_if(snapshot.segments, [&](const auto& segment) {
    return search.seen.contains(segment->meta().id) ||
           segment->meta().min_sequence > search.visible_sequence;
  });
  return snapshot;
}

Status LiveSource::SearchUnseen(const FindRows& find, DeleteSearch& search) const {
  const SourceSnapshot unseen = Unseen(search);
  if (unseen.segments.empty()) return Status::Ok();
  GRANARY_ASSIGN(MatchedRows found, find(unseen));
  for (const auto& segment : unseen.segments) search.seen.insert(segment->meta().id);
  search.matched.segments.merge(found.segments);
  return Status::Ok();
}

// The search holds no lock. Then, under the locks of writes and flushes, the rows that are still
// there get the next sequence as their moment: whoever saw a sequence has seen all below it, as
// with a bulk.
Result<DeleteOutcome> LiveSource::Delete(const FindRows& find, const KeyTurn* turn,
                                         const runtime::CancelToken& cancel) {
  GRANARY_TRY(CheckWritable());
  DeleteSearch search;
  {
    const SourceSnapshot snapshot = Snapshot();
    GRANARY_TRY(snapshot.failure);
    search.visible_sequence = snapshot.visible_sequence;
    GRANARY_ASSIGN(search.matched, find(snapshot));
    for (const auto& segment : snapshot.segments) search.seen.insert(segment->meta().id);
  }
  // With nothing hot the moment is the newest of all that is in segments: replay starts behind it
  // and misses no sequence, and without a log no newer version of a row can be lost alone.
  const auto matched = [&] { return search.matched.hot > 0 || !search.matched.segments.empty(); };
  if (matched()) GRANARY_TRY(Flush());
  for (int searches = 1;; ++searches) {
    GRANARY_TRY(SearchUnseen(find, search));
    GRANARY_TRY(cancel.Check());
    // Both or none: a flush that runs holds up no writer.
    const std::scoped_lock locks(write_mutex_, flush_mutex_);
    AwaitFrames();
    if (context_->closed) return Status(Code::kUnavailable, "the store is shutting down");
    if (matched()) GRANARY_TRY(FlushHot());
    if (!Unseen(search).segments.empty()) {
      if (searches < kSearchesMax) continue;
      GRANARY_TRY(SearchUnseen(find, search));
    }
    return CommitDelete(search, turn);
  }
}

// write_mutex_ and flush_mutex_ are held.
Result<DeleteOutcome> LiveSource::CommitDelete(const DeleteSearch& search, const KeyTurn* turn) {
  GRANARY_TRY(CheckWritable());
  GRANARY_TRY(CheckLogOpen());
  if (turn != nullptr) {
    GRANARY_ASSIGN(const auto first, keys_.FirstOf(*turn));
    if (first) return DeleteOutcome{first->records, first->first_sequence};
  }
  GRANARY_TRY(SyncLog());
  const DeletionLimits limits = DeletionLimitsOfNow();
  // What hot records replaced meanwhile goes when they are flushed, at the moments when it did.
  if (hot_keys_ != nullptr) GRANARY_TRY(ViewWithKeys().status());
  DeleteOutcome outcome{.deleted = 0, .sequence = next_sequence_};
  DeletesCommit commit{
      .source = uid(), .deletes = {}, .flushed_sequence = std::nullopt, .keys = {}};
  for (const auto& segment : *tiers_.segments()) {
    const auto found = search.matched.segments.find(segment->meta().id);
    if (found == search.matched.segments.end()) continue;
    RowSet rows = found->second;
    if (const RowSetPtr gone = segment->DeletedAt(UINT64_MAX)) rows.RemoveAll(*gone);
    if (rows.empty()) continue;
    outcome.deleted += rows.count();
    auto version = std::make_shared<const Deletion>(Deletion{std::move(rows),
                                                             outcome.sequence,
                                                             outcome.sequence,
                                                             {},
                                                             context_->deps.clock.WallMicros()});
    DeletionsPtr after = WithDeletion(segment->deletions(), std::move(version), limits,
                                      commit.deletes.forgotten_sequence);
    commit.deletes.segments.push_back({segment->meta().id, segment->deletions(), std::move(after)});
  }
  if (outcome.deleted == 0) {
    const WriteOutcome nothing{.first_sequence = next_sequence_,
                               .last_sequence = next_sequence_ - 1,
                               .schema_version = schema()->version()};
    if (turn != nullptr) GRANARY_TRY(RememberNothingWritten(nothing, *turn));
    return DeleteOutcome{};
  }
  commit.deletes.last_sequence = outcome.sequence;
  const bool nothing_hot = tiers_.counts().rows == 0;
  if (nothing_hot) commit.flushed_sequence = outcome.sequence;
  GRANARY_TRY(context_->deps.failpoints.Hit("delete.before_manifest"));
  const Status committed = CommitDeletes(commit, outcome, turn);
  // A commit whose outcome nobody knows may have given the sequence away.
  if (committed.ok() || !context_->manifest->closed_by().ok()) ++next_sequence_;
  GRANARY_TRY(committed);
  tiers_.Delete(commit.deletes, outcome.sequence,
                nothing_hot ? Tiers::Below::kFlushed : Tiers::Below::kMayBeHot);
  context_->deps.log.Debug("deleted", {{"source", id().str()}, {"rows", outcome.deleted}});
  GRANARY_TRY(context_->deps.failpoints.Hit("delete.after_manifest"));
  return outcome;
}

Status LiveSource::CommitDeletes(DeletesCommit& commit, const DeleteOutcome& outcome,
                                 const KeyTurn* turn) {
  const std::lock_guard save(save_mutex_);
  if (turn != nullptr) {
    WriteOutcome remembered{.first_sequence = outcome.sequence,
                            .last_sequence = outcome.sequence,
                            .schema_version = schema()->version()};
    keys_.Remember(*turn, RecordOf(remembered, outcome.deleted, context_->deps.clock.WallMicros()));
    commit.keys = keys_.ChangesOf(turn->key().key);
  }
  if (Status s = context_->manifest->CommitDeletes(commit); !s.ok()) {
    if (turn != nullptr) keys_.Forget(turn->key().key);
    return s;
  }
  if (turn != nullptr) keys_.Saved(commit.keys);
  return Status::Ok();
}

}  // namespace granary::storage
