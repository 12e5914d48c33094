// The way of a compaction: choose, merge, manifest, swap; and, once nobody looks back that far, the
// end of the files that it replaced.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "granary/runtime/memory_wait.h"
#include "granary/storage/source/compaction_files.h"
#include "granary/storage/source/live_source.h"
#include "granary/storage/source/quiet_locks.h"
#include "granary/storage/source/segment_merger.h"

namespace granary::storage {
namespace {

// Shares of a merge's memory, besides kMergeIndexParts. What is read, what is read ahead, what is
// sorted (twice: before and after), what is written and what its indexes collect are there at the
// same time. Runs are
// small because the sorting of one is not interrupted.
constexpr std::uint64_t kRunParts = 32, kRowGroupParts = 8, kAheadParts = 8;

// Fewer deleted rows than that may be looked for under the lock of flushes.
constexpr std::uint64_t kFollowRowsFew = 1'000;
constexpr int kFollowRoundsMax = 10;

Status NotLive(const SourceId& id) {
  return {Code::kConflict,
          fmt::format("files of source \"{}\" were replaced while they were merged", id.str())};
}

// All of the choice's inputs, or nothing when one is not live any more.
Segments FindInputs(const Segments& live, const std::vector<SegmentId>& ids) {
  Segments inputs;
  for (const SegmentId id : ids) {
    const auto found = std::find_if(live.begin(), live.end(),
                                    [&](const auto& segment) { return segment->meta().id == id; });
    if (found == live.end()) return {};
    inputs.push_back(*found);
  }
  return inputs;
}

CompactionCounts CountsOf(const CompactionChoice& choice, const std::vector<SegmentMeta>& made) {
  CompactionCounts counts;
  counts.merges = 1;
  counts.files_in = choice.inputs.size();
  counts.bytes_in = choice.bytes;
  counts.files_out = made.size();
  for (const SegmentMeta& meta : made) {
    counts.bytes_out += meta.bytes;
    counts.rows += meta.rows;
  }
  return counts;
}

}  // namespace

CompactionLimits LiveSource::CompactionLimitsOfNow() const {
  const SourceShape now = shape();
  return MakeCompactionLimits(*now.definition, *now.schema, compaction_options());
}

CompactionOptions LiveSource::compaction_options() const {
  return context_->compaction_rules.For(id(), context_->options.compaction);
}

bool LiveSource::has_empty_files() const {
  return std::ranges::any_of(*tiers_.segments(), [](const auto& segment) {
    const DeletionsPtr& deletions = segment->deletions();
    return deletions != nullptr && deletions->rows()->count() == segment->meta().rows;
  });
}

std::vector<CompactionFile> LiveSource::DescribeFiles() const {
  const SourceShape now = shape();
  std::set<SegmentId> damaged;
  {
    const std::lock_guard state(state_mutex_);
    damaged = damaged_;
  }
  // The sequence first: whatever was flushed by then is among the segments.
  const CompactionScene scene{
      .partitions = partitions_,
      .now = *now.schema,
      .sorted = now.definition->sort_columns.empty()
                    ? nullptr
                    : now.schema->Find(now.definition->sort_columns.front()),
      .flushed_sequence = tiers_.flushed_sequence()};
  std::vector<CompactionFile> files;
  for (const auto& segment : *tiers_.segments()) {
    files.push_back(DescribeFile(scene, segment->meta(), *segment->file_schema()));
    if (segment->deletions() != nullptr)
      files.back().deleted_rows = segment->deletions()->rows()->count();
    if (damaged.contains(files.back().id)) files.back().kept_out = "damaged: see the log";
  }
  return files;
}

CompactionPlan LiveSource::PlanCompaction(CompactionWish wish) const {
  const std::int64_t now_us = context_->deps.clock.WallMicros();
  CompactionPlan plan = PickCompactions(DescribeFiles(), CompactionLimitsOfNow(), now_us, wish);
  ExplainDebt(compaction_options(), now_us, plan);
  return plan;
}

void LiveSource::RefreshDebt() {
  std::shared_ptr<const Segments> segments = tiers_.segments();
  const std::uint64_t rules = context_->compaction_rules.version();
  if (segments == debt_of_ && rules == debt_rules_) return;
  debt_rules_ = rules;
  debt_.Set(DebtOf(DescribeFiles(), CompactionLimitsOfNow()),
            context_->deps.clock.MonotonicNanos());
  debt_of_ = std::move(segments);
}

void LiveSource::ForgiveDebt() {
  if (debt_of_ == nullptr) return;
  debt_.Set({}, context_->deps.clock.MonotonicNanos());
  debt_of_ = nullptr;
}

CompactionDebt LiveSource::debt_owed() const {
  return debt_.counts(context_->deps.clock.MonotonicNanos()).debt;
}

Status LiveSource::AwaitMergeMemory(runtime::MemoryReservation& memory,
                                    const CompactionRun& run) const {
  const std::uint64_t bytes = context_->options.compaction.memory_bytes;
  runtime::MemoryWait wait(context_->compaction_memory, context_->options.hot_wait_max);
  while (const runtime::MemoryBudget* refused_by = memory.GrowTo(bytes)) {
    GRANARY_TRY(run.cancel.Check());
    GRANARY_TRY(gate_.Check());
    if (refused_by->limit() < bytes || !wait.Pause(*refused_by, 0, bytes))
      return runtime::OutOfMemory(*refused_by, bytes).At("a merge of files");
  }
  return Status::Ok();
}

// Outside all locks: writes, flushes and changes go on meanwhile. What a change brings while the
// files are written, they do not have: they are of the schema of when the merge began, and index
// files are mended.
Result<CompactionCounts> LiveSource::Compact(const CompactionChoice& choice,
                                             const CompactionRun& run) {
  const CompactionGate::Pass pass = gate_.Enter();
  if (!pass.inside()) return gate_.Check();
  GRANARY_TRY(refused());
  GRANARY_TRY(context_->manifest->closed_by());
  const Segments inputs = FindInputs(*tiers_.segments(), choice.inputs);
  if (inputs.empty()) return NotLive(id());
  runtime::MemoryReservation memory(&context_->compaction_memory);
  GRANARY_TRY(AwaitMergeMemory(memory, run));
  const SchemaPtr schema = this->schema();
  Result<std::vector<SegmentMeta>> made = MergeInputs(inputs, schema, run);
  if (!made.ok()) return made.status().At(fmt::format("compaction of source \"{}\"", id().str()));
  const CompactionCounts counts = CountsOf(choice, *made);
  std::vector<SegmentMeta> files = *made;
  Status committed = run.cancel.Check();
  if (committed.ok()) committed = gate_.Check();
  MovedDeletions moved(inputs, memory);
  if (committed.ok()) committed = FollowDeletions(MakeSegments(files, schema), moved);
  if (committed.ok()) committed = CommitCompaction(choice, made.Take(), schema, moved);
  if (committed.ok()) {
    context_->deps.log.Debug("merged", {{"source", id().str()},
                                        {"partition", choice.partition},
                                        {"reason", choice.reason},
                                        {"files_before", counts.files_in},
                                        {"files_after", counts.files_out}});
    return counts;
  }
  // A commit whose outcome nobody knows may have named the files.
  const auto live = tiers_.segments();
  const bool is_done = files.empty() ? FindInputs(*live, choice.inputs).empty()
                                     : !FindInputs(*live, {files.front().id}).empty();
  if (!is_done && context_->manifest->closed_by().ok()) {
    for (const SegmentMeta& meta : files) context_->segment_files.Forget(meta);
    DiscardSegments(context_->deps.files, folder_, files);
  }
  return committed;
}

Segments LiveSource::MakeSegments(const std::vector<SegmentMeta>& files,
                                  const SchemaPtr& schema) const {
  Segments segments;
  for (const SegmentMeta& meta : files) segments.push_back(MakeSegment(meta, schema));
  return segments;
}

Result<std::vector<SegmentMeta>> LiveSource::MergeInputs(const Segments& inputs, SchemaPtr schema,
                                                         const CompactionRun& run) {
  const StoreDeps& deps = context_->deps;
  const CompactionOptions compaction = compaction_options();
  const CompactionLimits limits = CompactionLimitsOfNow();
  MergeOptions options;
  options.files = SetOptions(schema, {});
  options.run_bytes = compaction.memory_bytes / kRunParts;
  options.row_group_bytes =
      std::min(context_->options.row_group_bytes, compaction.memory_bytes / kRowGroupParts);
  options.ahead_bytes = compaction.memory_bytes / kAheadParts;
  options.files.pool = run.helpers;  // Not those of queries: these would wait for merges.
  options.files.file_rows_max = limits.rows_max;
  // A file ends with the row group that makes it long enough.
  options.files.file_bytes_max = std::min(
      limits.target_bytes,
      std::max(compaction.max_bytes - std::min(compaction.max_bytes, options.row_group_bytes),
               compaction.max_bytes / 2));
  const MergeDeps merge{
      .files = deps.files,
      .failpoints = deps.failpoints,
      .spill = context_->merge_spill,
      .next_id = [this] { return NextSegmentId(); },
      .go_on = [&]() -> Status {
        GRANARY_TRY(run.cancel.Check());
        return gate_.Check();
      },
      .progress = [&run](std::uint64_t bytes) { run.bytes_done += bytes; },
  };
  GRANARY_TRY(deps.failpoints.Hit("compact.before_segments"));
  std::optional<SegmentId> damaged;
  Result<std::vector<SegmentMeta>> made = MergeSegments(merge, std::move(options), inputs, damaged);
  if (damaged) {
    const std::lock_guard state(state_mutex_);
    damaged_.insert(*damaged);
  }
  return made;
}

// Before the lock: what is deleted meanwhile is found in the new files while others write and
// flush.
Status LiveSource::FollowDeletions(const Segments& made, MovedDeletions& moved) const {
  for (int round = 0; round < kFollowRoundsMax; ++round) {
    GRANARY_ASSIGN(const std::uint64_t rows, moved.Follow(*tiers_.segments(), made));
    if (rows < kFollowRowsFew) break;
  }
  return Status::Ok();
}

// What was deleted of the inputs since they were merged is deleted of what was made of them, too.
Status LiveSource::MoveDeletions(MovedDeletions& moved, Segments& made,
                                 DeleteChanges& changes) const {
  GRANARY_TRY(moved.Follow(*tiers_.segments(), made).status());
  for (std::size_t file = 0; file < made.size(); ++file) {
    std::vector<EndedRow> ended = moved.Take(file);
    if (ended.empty()) continue;
    auto& segment = made[file];
    const auto deletions = std::make_shared<const Deletions>(std::vector<DeletionPtr>{
        MakeDeletion(std::move(ended), context_->deps.clock.WallMicros())});
    changes.segments.push_back({segment->meta().id, nullptr, deletions});
    changes.last_sequence = std::max(changes.last_sequence, deletions->last_sequence());
    segment = segment->WithDeletions(deletions);
  }
  return Status::Ok();
}

// Under the lock of flushes, for the time of one SQLite transaction. Index files that came or went
// meanwhile are as the manifest has them.
Status LiveSource::CommitCompaction(const CompactionChoice& choice, std::vector<SegmentMeta> made,
                                    const SchemaPtr& schema, MovedDeletions& moved) {
  const StoreDeps& deps = context_->deps;
  GRANARY_TRY(deps.failpoints.Hit("compact.after_segments"));
  // Where hot records replace rows of segments, segments are replaced while nothing is hot.
  std::unique_lock<std::mutex> flush_lock(flush_mutex_, std::defer_lock);
  std::optional<QuietLocks> quiet;
  if (hot_keys_ == nullptr) {
    flush_lock.lock();
  } else {
    GRANARY_ASSIGN(quiet, LockQuietly());
  }
  if (context_->closed) return {Code::kUnavailable, "the store is shutting down"};
  if (FindInputs(*tiers_.segments(), choice.inputs).empty()) return NotLive(id());
  CompactionCommit commit{.source = uid(),
                          .added = std::move(made),
                          .replaced = choice.inputs,
                          .generation = tiers_.next_generation(),
                          .retired_us = deps.clock.WallMicros()};
  for (SegmentMeta& meta : commit.added) meta.generation = commit.generation;
  Segments added = MakeSegments(commit.added, schema);
  GRANARY_TRY(MoveDeletions(moved, added, commit.deletes));
  GRANARY_TRY(deps.failpoints.Hit("compact.before_manifest"));
  GRANARY_TRY(context_->manifest->CommitCompaction(commit));
  tiers_.Compact(std::move(added), choice.inputs, commit.generation, commit.retired_us);
  ++declared_indexes_;  // Indexes may have been declared since the files were begun.
  context_->Press();
  return deps.failpoints.Hit("compact.after_manifest");
}

Status LiveSource::FoldDeletions() {
  GRANARY_TRY(Flush());
  for (const auto& segment : *tiers_.segments()) {
    if (segment->deletions() == nullptr) continue;
    const SegmentMeta& meta = segment->meta();
    const CompactionChoice choice{.partition = {},
                                  .inputs = {meta.id},
                                  .bytes = meta.bytes,
                                  .reason = "files that are kept hold no deleted rows"};
    std::atomic<std::uint64_t> bytes_done = 0;
    GRANARY_TRY(Compact(choice, {{}, bytes_done}).status());
  }
  return Status::Ok();
}

Result<std::uint64_t> LiveSource::RemoveRetired() {
  const std::int64_t before_us =
      context_->deps.clock.WallMicros() - context_->options.snapshot_retention_us;
  const std::lock_guard lock(flush_mutex_);
  if (context_->closed) return std::uint64_t{0};
  {
    const std::lock_guard state(state_mutex_);
    if (dropped_ || !refused_.ok()) return std::uint64_t{0};
  }
  Segments retired = tiers_.TakeRetired(before_us);
  const std::uint64_t files = retired.size();
  GRANARY_TRY(ForgetRetired(std::move(retired)));
  return files;
}

// flush_mutex_ is held. First out of the manifest: what a crash leaves then is swept.
Status LiveSource::ForgetRetired(Segments retired) {
  if (retired.empty()) return Status::Ok();
  const StoreDeps& deps = context_->deps;
  std::vector<SegmentId> ids;
  for (const auto& segment : retired) ids.push_back(segment->meta().id);
  Status forgotten = deps.failpoints.Hit("compact.before_forget");
  if (forgotten.ok()) forgotten = context_->manifest->ForgetRetired(uid(), ids);
  if (!forgotten.ok()) {
    tiers_.PutBackRetired(std::move(retired));
    return forgotten;
  }
  GRANARY_TRY(deps.failpoints.Hit("compact.after_forget"));
  for (const auto& segment : retired) {
    context_->segment_files.Forget(segment->meta());
    DiscardSegments(deps.files, folder_, {segment->meta()});
  }
  return Status::Ok();
}

}  // namespace granary::storage
