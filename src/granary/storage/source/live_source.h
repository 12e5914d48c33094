// LiveSource: the Source of a store on disk (see source.h for the order of steps of a write, a
// change and a flush).
//
// Keys       hot_keys_'s mutex is taken after write_mutex_ and flush_mutex_, and before
//            save_mutex_, state_mutex_ and the locks of the manifest, the tiers and open files.
// Locks      write_mutex_ (schema and sequences) -> the lane's -> tiers'; write_mutex_ ->
//            flush_mutex_ -> tiers'; write_mutex_ -> bulk_mutex_; write_mutex_ or flush_mutex_ ->
//            save_mutex_ -> state_mutex_. The lane's callback takes the tiers' lock, and those that
//            are taken last.
// Threads    fully safe; Replay and Refuse are for recovery, one thread a source.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/storage/source/compaction_gate.h"
#include "granary/storage/source/compaction_job.h"
#include "granary/storage/source/debt_gate.h"
#include "granary/storage/source/hot_keys.h"
#include "granary/storage/source/idempotency_keys.h"
#include "granary/storage/source/moved_deletions.h"
#include "granary/storage/source/segment_set_writer.h"
#include "granary/storage/source/source.h"
#include "granary/storage/source/source_estimates.h"
#include "granary/storage/source/source_folder.h"
#include "granary/storage/source/source_stats.h"
#include "granary/storage/source/store_context.h"
#include "granary/storage/source/tiers.h"

namespace granary::storage {

struct SequenceRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// What a merge is told, and tells, while it runs.
struct CompactionRun {
  runtime::CancelToken cancel;
  std::atomic<std::uint64_t>& bytes_done;  ///< Of the inputs; grows.
  runtime::WorkerPool* helpers = nullptr;  ///< Work along, where there are some.
};

/// What a bulk has written so far.
struct BulkSet {
  SchemaPtr base;                     ///< Of the source when it began.
  std::vector<SchemaPtr> versions;    ///< That it brings, oldest first.
  std::vector<SegmentMeta> segments;  ///< Sequences from 0.
  std::uint64_t rows = 0;
};

class LiveSource final : public Source, public std::enable_shared_from_this<LiveSource> {
 public:
  /// `record` as the manifest has it.
  static Result<std::shared_ptr<LiveSource>> Make(std::shared_ptr<StoreContext> context,
                                                  SourceRecord record);

  SourceShape shape() const override;
  SourceMoment moment() const override;
  const PartitionSpec& partitions() const override { return partitions_; }
  CompactionDebt debt_owed() const override;
  SourceUid uid() const override { return record_.uid; }
  std::string folder() const override { return folder_; }
  std::vector<SchemaVersion> schema_history() const override;
  std::int64_t created_us() const override { return record_.created_us; }

  Result<WriteOutcome> Write(const SchemaPtr& schema, std::shared_ptr<arrow::RecordBatch> batch,
                             const KeyTurn* turn = nullptr,
                             const runtime::CancelToken& cancel = {}) override;
  Result<DeleteOutcome> Delete(const FindRows& find, const KeyTurn* turn = nullptr,
                               const runtime::CancelToken& cancel = {}) override;
  Result<KeyTurn> TakeKey(const WriteKey& key, const runtime::CancelToken& cancel) override;
  Result<SourceShape> Change(const SourceChange& change) override;
  Result<std::unique_ptr<BulkWrite>> StartBulk(const runtime::CancelToken& cancel = {}) override;
  SourceSnapshot Snapshot() const override;
  Result<SourceSnapshot> SnapshotOf(std::uint64_t generation) const override;
  Status Flush() override;
  SourceStats Stats() const override;

  // For the store.
  std::vector<IndexKey> indexes() const;
  /// Builds or drops the index files of one segment that are not as declared; false when all are.
  /// One thread.
  Result<bool> MendIndexes();
  const SourceId& id() const { return record_.definition.id; }
  bool wal_enabled() const { return record_.definition.wal_enabled; }
  std::uint32_t wal_lane() const { return record_.wal_lane; }
  SourceMarker marker() const;
  std::uint64_t flushed_sequence() const { return tiers_.flushed_sequence(); }
  std::uint64_t visible_sequence() const { return tiers_.visible_sequence(); }
  HotTierInfo hot_tier() const;
  /// Paths of the segments that the manifest names, relative to the folder.
  std::set<std::string> segment_paths() const;

  /// Sequences above the flushed one that no frame has: of bulks, and of deletions. Ascending.
  std::vector<SequenceRange> bulk_ranges() const;

  // For estimates (live_source_estimates.cc). One thread.
  EstimatesAge estimates_age() const;
  void RefreshEstimates();

  // For compaction (live_source_compact.cc).
  std::size_t live_segments() const { return tiers_.segments()->size(); }
  /// Some file holds deleted rows alone: it can go at once.
  bool has_empty_files() const;
  CompactionPlan PlanCompaction(CompactionWish wish) const;
  /// The store's, as the rules of now want them for this source.
  CompactionOptions compaction_options() const;
  /// Looks at what is owed, where files came or went, or rules changed, since the last look. One
  /// thread.
  void RefreshDebt();
  void ForgiveDebt();  ///< Of a source that nobody merges: nothing is owed. The same thread.
  DebtGate& debt() { return debt_; }
  /// Merges the files of a choice. kConflict, changing nothing, when they are not live any more;
  /// kCancelled by the run or a drop; kOverloaded without memory; the input that is damaged is
  /// named, and left out of later plans.
  Result<CompactionCounts> Compact(const CompactionChoice& choice, const CompactionRun& run);
  /// Removes what was replaced longer ago than snapshots are kept, and is read by nobody. How many
  /// files.
  Result<std::uint64_t> RemoveRetired();

  /// kInvalidRecord for a record without a part of its primary key.
  Status CheckKeys(const Schema& schema, const arrow::RecordBatch& batch) const;
  /// Takes the deleted rows out of all files, so that those who keep the files do not find them.
  Status FoldDeletions();

  // For bulks (live_source_bulk.cc).
  /// kSourceNotFound once dropped, why it was refused when it was.
  Status CheckWritable() const;
  /// Writes a set's files; kSourceNotFound once dropped.
  Result<std::vector<SegmentMeta>> WriteBulkSet(const SchemaPtr& schema,
                                                const std::vector<HotChunk>& chunks);
  /// Takes the segments out of `bulk` once they are committed.
  Result<WriteOutcome> CommitBulk(BulkSet& bulk, const KeyTurn* turn);
  void DiscardBulk(const std::vector<SegmentMeta>& segments);
  StoreContext& context() const { return *context_; }

  /// Takes no more writes and flushes; where the files are kept, all acknowledged rows are in them.
  /// Then forgets the source in the manifest. On failure nothing is dropped.
  Status Drop(DropFiles files);

  // For recovery.
  /// Puts a frame's records into the hot tier. kCorruption when they do not decode.
  Status Replay(const WalFrame& frame);
  /// From here on every call fails with `why`.
  void Refuse(Status why);
  Status refused() const;

  /// Returns once no write is on its way to the log and no flush runs. The store takes no new ones.
  void Quiesce();

 private:
  LiveSource(std::shared_ptr<StoreContext> context, SourceRecord record, PartitionSpec partitions,
             Segments segments, std::vector<KeyRecord> keys, std::string folder);

  SourceSnapshot SnapshotFrom(TierView view) const;
  std::shared_ptr<const SourceEstimates> estimates() const;
  SourceSnapshot SnapshotFrom(Result<TierView> view) const;
  /// Of hot rows and segments, what newer records of the same key replace being marked.
  Result<TierView> ViewWithKeys() const;
  std::shared_ptr<const Segment> MakeSegment(SegmentMeta meta, SchemaPtr schema,
                                             DeletionsPtr deletions = nullptr) const;
  /// Both locks, while nothing is on its way to the hot tier and, in a source with a key, nothing
  /// is in it: what adds rows to segments from elsewhere, or replaces segments, does so then.
  struct QuietLocks;
  Result<QuietLocks> LockQuietly();
  Status DropStopped(DropFiles files);
  Status NotFound() const;
  Status AdoptSchema(const SchemaPtr& schema);
  Status CommitShape(SchemaPtr schema, DefinitionPtr definition);
  Status CheckStored(const Schema& current, const Schema& next);
  Status PassDebt(const runtime::CancelToken& cancel);
  Status CheckLogOpen() const;
  Status SyncLog() const;
  void FrameLaunched();
  void FrameLanded();
  void AwaitFrames();
  Status LogFailed(const Status& cause) const;
  Status PublishFailed(const Status& cause);
  /// A batch that is as durable as it will be, with its key.
  struct Publication {
    SchemaPtr schema;
    const arrow::RecordBatch& batch;
    WriteOutcome outcome;
    const KeyTurn* turn = nullptr;
    std::int64_t written_us = 0;
    std::uint64_t log_bytes = 0;
    std::uint64_t log_start = 0;
  };
  Status Publish(const Publication& write);
  Status PublishLogged(const Publication& write);
  Result<WriteOutcome> WriteLogged(const SchemaPtr& schema,
                                   const std::shared_ptr<arrow::RecordBatch>& batch,
                                   const KeyTurn* turn);
  Result<WriteOutcome> WriteUnlogged(const SchemaPtr& schema, const arrow::RecordBatch& batch,
                                     const KeyTurn* turn);
  Status RememberNothingWritten(const WriteOutcome& outcome, const KeyTurn& turn);
  Status CommitWithKeys(FlushCommit& flush);
  void TakeSequences(std::int64_t records, WriteOutcome& outcome);
  Status ReplayKey(const WalFrame& frame, std::string_view& batch);
  SchemaPtr FindSchema(std::uint32_t version) const;
  Status FlushHot();
  Status WriteAndCommit(const SealedRows& sealed);
  SegmentSetOptions SetOptions(const SchemaPtr& schema, const std::vector<HotChunk>& chunks) const;
  struct DeleteSearch;
  Status SearchUnseen(const FindRows& find, DeleteSearch& search) const;
  SourceSnapshot Unseen(const DeleteSearch& search) const;
  Result<DeleteOutcome> CommitDelete(const DeleteSearch& search, const KeyTurn* turn);
  Status CommitDeletes(DeletesCommit& commit, const DeleteOutcome& outcome, const KeyTurn* turn);
  DeletionLimits DeletionLimitsOfNow() const;
  // Of sources with a key (live_source_keyed.cc).
  Status CheckKeyTypes(const Schema& next) const;
  struct FlushedKeys;
  Status ReplaceFlushed(const SealedRows& sealed, Segments& added, FlushedKeys& keys) const;
  Status ReplaceByBulk(Segments& added, std::uint64_t moment, DeleteChanges& changes,
                       Segments& changed) const;
  void AddDeletion(const std::shared_ptr<const Segment>& segment, std::vector<EndedRow> ended,
                   DeleteChanges& changes, std::shared_ptr<const Segment>& next) const;
  Status CheckBulkSchema(const BulkSet& bulk);
  Status CommitBulkSet(const BulkSet& bulk, const WriteOutcome& outcome, const KeyTurn* turn,
                       bool nothing_hot, const DeleteChanges& replaced);
  CompactionLimits CompactionLimitsOfNow() const;
  std::vector<CompactionFile> DescribeFiles() const;
  Segments MakeSegments(const std::vector<SegmentMeta>& files, const SchemaPtr& schema) const;
  Status AwaitMergeMemory(runtime::MemoryReservation& memory, const CompactionRun& run) const;
  Result<std::vector<SegmentMeta>> MergeInputs(const Segments& inputs, SchemaPtr schema,
                                               const CompactionRun& run);
  Status CommitCompaction(const CompactionChoice& choice, std::vector<SegmentMeta> made,
                          const SchemaPtr& schema, MovedDeletions& moved);
  Status FollowDeletions(const Segments& made, MovedDeletions& moved) const;
  Status MoveDeletions(MovedDeletions& moved, Segments& made, DeleteChanges& changes) const;
  Status ForgetRetired(Segments retired);
  Result<SegmentId> NextSegmentId();
  Status Mend(const Segment& segment, std::vector<IndexMeta> indexes,
              const std::vector<IndexKey>& build, const std::vector<IndexKey>& drop);

  const std::shared_ptr<StoreContext> context_;
  const SourceRecord record_;  // As it was when opened: only what never changes is read from it.
  const PartitionSpec partitions_;
  const std::string folder_;
  Tiers tiers_;
  const std::unique_ptr<HotKeys> hot_keys_;  // Null in a source without a primary key.
  IdempotencyKeys keys_;
  mutable SourceStatsCache stats_;
  std::atomic<std::int64_t> last_write_us_ = 0;  // 0: none known.

  /// How often the declared indexes may have changed, and what MendIndexes saw when it last found
  /// nothing to do: that, and the damage.
  std::atomic<std::uint64_t> declared_indexes_ = 1;
  std::pair<std::uint64_t, std::uint64_t> mended_ = {0, 0};

  /// What the estimates were made of; of the thread that makes them.
  struct EstimatesBasis {
    std::int64_t made_us = 0;
    std::uint64_t visible_sequence = 0;
    std::uint64_t flushed_sequence = 0;
    std::uint64_t generation = 0;
    std::uint32_t schema_version = 0;
  };
  EstimatesBasis estimated_;

  std::mutex write_mutex_;  // Orders changes, sequences and frames.
  std::uint64_t next_sequence_;
  std::mutex frames_mutex_;  // Guards what follows; taken last.
  std::condition_variable frames_landed_;
  std::uint64_t frames_under_way_ = 0;  // In the log's hands: neither visible nor refused yet.
  std::mutex flush_mutex_;              // One flush at a time.
  std::mutex save_mutex_;               // One save of keys at a time; taken after flush_mutex_.
  CompactionGate gate_;                 // Merges are inside; passed before any lock is taken.
  DebtGate debt_;                       // Writes pass it; as above.
  std::shared_ptr<const Segments> debt_of_;  // The files that it was last made of,
  std::uint64_t debt_rules_ = 0;             // and the rules.
  std::shared_mutex bulk_mutex_;  // Shared while a bulk's files are written; before state_mutex_.

  mutable std::mutex state_mutex_;  // Guards what follows; taken last, held shortly.
  std::vector<SchemaVersion> schemas_;
  DefinitionPtr definition_;
  Status refused_;
  std::shared_ptr<const SourceEstimates> estimates_;
  Status broken_;  // Set when a record is durable and could not be made visible.
  bool dropped_ = false;
  std::set<SegmentId> damaged_;  // That a compaction could not read.
};

}  // namespace granary::storage
