// Store: all sources of one tenant on one data folder, with the log lanes and the manifest they
// share.
//
// Open       lock the folder -> check its format -> open the manifest -> load sources -> sweep
//            files that no manifest names -> replay the lanes into the hot tiers, skipping what is
//            flushed.
// Layout     <root>/granary.lock, <root>/FORMAT, <root>/wal/lane-0/…,
//            <root>/tenants/<tenant>/manifest.db, sources in <root>/tenants/<tenant>/sources/<id>
//            or where data_path says. docs/formats/data_folder.md. Background flushes by size, age
//            and memory; collects log files; merges small segments, and removes what was merged
//            once no snapshot is as old; estimates columns for the optimizer.
// Errors     Open: kConflict (locked, naming the pid; a foreign folder; a newer format),
//            kCorruption, kIoError, kPermissionDenied. A source whose log is damaged is refused
//            (its calls give kCorruption with file and offset), the others serve.
// Threads    fully safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "granary/base/daily_window.h"
#include "granary/base/ids.h"
#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/io/failpoint.h"
#include "granary/io/file_system.h"
#include "granary/runtime/job_threads.h"
#include "granary/runtime/memory_budget.h"
#include "granary/runtime/worker_pool.h"
#include "granary/storage/segment/segment_writer.h"
#include "granary/storage/source/compaction_job.h"
#include "granary/storage/source/compaction_rules.h"
#include "granary/storage/source/segment_files.h"
#include "granary/storage/source/source.h"
#include "granary/storage/source/write_throttle.h"
#include "granary/storage/wal/wal_lane.h"

namespace granary::storage {

/// AUTO_COMPACTION_ENABLED and its companions; the policy's limits are compaction_policy.h's.
struct CompactionOptions {
  bool automatic = true;
  std::int64_t interval_us = 3600ll * 1'000'000;  ///< Sources are looked at so often,
  std::size_t files_due = 200;                    ///< and once they have so many more files.
  std::uint64_t min_bytes = 50u << 20;
  std::uint64_t target_bytes = 256u << 20;
  std::uint64_t max_bytes = 512u << 20;
  std::size_t workers = 1;                  ///< Merges at once.
  std::uint64_t memory_bytes = 256u << 20;  ///< Of one merge.
  DailyWindow hours;                        ///< COMPACTION_WINDOW: of merges that nobody asked for.
  bool timed = true;  ///< False: somebody else says when an interval is over (compaction_rules.h).
  DebtLimits debt;    ///< Where `automatic` is false, nobody is held to it.
};

struct StoreOptions {
  std::string root = "./data";  ///< DATA_PATH.
  TenantId tenant;
  /// ALLOWED_DATA_PATHS: absolute roots besides `root`.
  std::vector<std::string> allowed_data_paths;
  std::uint32_t wal_lanes = 2;
  std::uint64_t wal_file_bytes = 64u << 20;
  std::uint64_t wal_batch_bytes_max = 64u << 20;  ///< A larger batch is refused with kTooLarge.
  std::int64_t wal_retention_us = 24ll * 3600 * 1'000'000;
  std::uint64_t wal_retention_bytes = 1024u << 20;
  /// A source that holds back more of its lane than this is flushed.
  std::uint64_t wal_lane_bytes_max = 512u << 20;
  /// Of sources with Durability::kInterval: a write is synced so long after it at most.
  std::int64_t durability_interval_us = 200'000;
  /// STATISTICS_REFRESH_INTERVAL_MINUTES: how often the estimates of a source are made anew.
  std::int64_t statistics_interval_us = 30ll * 60 * 1'000'000;
  std::uint64_t flush_rows = 1'000'000;           ///< A hot tier of so many rows is flushed,
  std::uint64_t flush_bytes = 128u << 20;         ///< or of so many bytes,
  std::int64_t flush_age_us = 300ll * 1'000'000;  ///< or whose oldest record is so old.
  std::uint64_t hot_bytes_max = 2048u << 20;      ///< All hot tiers; past it writes wait,
  std::chrono::milliseconds hot_wait_max{5000};   ///< so long, then they get kOverloaded.
  SegmentFilesOptions segment_files;
  CompactionOptions compaction;
  /// Files that a compaction replaced are kept for so long, for cursors.
  std::int64_t snapshot_retention_us = 15ll * 60 * 1'000'000;
  std::int64_t row_group_rows = 131'072;
  std::int64_t page_rows = SegmentWriterOptions().page_rows;
  /// A row group of wide rows has fewer: a scan holds whole ones.
  std::uint64_t row_group_bytes = 128u << 20;
  /// Of the rest of records: so many paths may be columns of their own in a file; 0: none.
  std::size_t shred_paths_max = 64;
  std::size_t sources_max = 10'000;
  std::size_t columns_max =
      1'000;  ///< Of a source, by definition or change; parsers have their own.
  /// How long a write's idempotency key is known, and how many of them a source keeps.
  std::int64_t idempotency_retention_us = 24ll * 3600 * 1'000'000;
  std::size_t idempotency_keys_max = 100'000;
  /// Of a segment's deletions, before the older half is folded; see storage/segment/deletions.h.
  std::size_t deletion_versions_max = 1'000;
};

struct StoreDeps {
  io::FileSystem& files;
  io::Clock& clock;
  io::Failpoints& failpoints;
  Logger& log;
  runtime::WorkerPool& pool;
  /// Counts the hot tiers and the caches; null: nobody asks. Outlives the store and its sources.
  runtime::MemoryBudget* memory = nullptr;
  /// Threads that the background work of many stores shares, those of what must not wait behind it
  /// (syncing the log), and those that merge for all of them; null: the store has its own. Outlive
  /// it.
  runtime::JobThreads* jobs = nullptr;
  runtime::JobThreads* prompt_jobs = nullptr;
  runtime::WorkerPool* merges = nullptr;
  /// Told of what queries compute; null: nobody wants to know. Outlives the store.
  runtime::Pacer* pacer = nullptr;
};

/// What the caches hold in memory.
struct CachedBytes {
  std::uint64_t columns = 0;
  std::uint64_t index_blocks = 0;
  std::uint64_t open_files = 0;
};

/// What a flush should do next. Pure: see PickFlush.
struct HotTierInfo {
  SourceUid source;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::int64_t oldest_age_us = 0;
  bool holds_back_log = false;
};
/// The memory of the hot tiers, as their budget has it.
struct HotMemory {
  /// By the tiers, and by writes and bulks on their way into one.
  std::uint64_t reserved_bytes = 0;
  /// What writes wait for, because it does not fit under the tiers' limit or one above it.
  std::uint64_t wanted_bytes = 0;
  /// What others in the tree wait for: queries, bodies, writes before they are parsed.
  std::uint64_t asked_bytes = 0;
};
struct FlushChoice {
  std::vector<SourceUid> sources;  ///< In the order to flush.
  std::string reason;
};
FlushChoice PickFlush(const std::vector<HotTierInfo>& tiers, const HotMemory& memory,
                      const StoreOptions& options);

class Store {
 public:
  static Result<std::unique_ptr<Store>> Open(StoreDeps deps, StoreOptions options);
  virtual ~Store() = default;

  struct Added {
    std::shared_ptr<Source> source;
    bool created = false;  ///< False when the same definition was there already.
  };
  /// kSourceConflict for another definition or a folder that is taken, nested or holds foreign
  /// files; kInvalidPath outside the allowed roots (links resolved); kInvalidDefinition.
  virtual Result<Added> AddSource(const SourceDefinition& definition) = 0;
  /// Removes the source, and its files unless `keep_data`, before it returns; kept files hold every
  /// acknowledged record. kSourceNotFound; whatever a flush fails with.
  virtual Status DropSource(const SourceId& id, bool keep_data) = 0;
  /// kSourceNotFound; kCorruption for a source that is refused.
  virtual Result<std::shared_ptr<Source>> Find(const SourceId& id) const = 0;
  virtual std::vector<std::shared_ptr<Source>> List() const = 0;  ///< By id; refused ones left out.
  struct Refused {
    SourceId source;
    Status why;  ///< What Find says.
  };
  virtual std::vector<Refused> ListRefused() const = 0;  ///< By id.

  /// Random bytes that are this tenant's for good, under a name; see Manifest::Secret.
  virtual Result<std::string> Secret(const std::string& name) = 0;

  /// Merges files of a source in the background: see PickCompactions. The job, new or one that is
  /// at it. Find's errors; kUnavailable once closed.
  virtual Result<CompactionJob> Compact(const SourceId& id,
                                        CompactionWish wish = CompactionWish::kAll) = 0;
  /// From now on sources are merged by these, over the store's own options.
  virtual void SetCompactionRules(CompactionRules rules) = 0;
  /// What would be merged and why, and why the rest would not. Find's errors.
  virtual Result<CompactionPlan> PlanCompaction(const SourceId& id, CompactionWish wish) const = 0;
  /// CompactionJobs' (see there).
  virtual std::vector<CompactionJob> Jobs() const = 0;
  virtual Result<CompactionJob> Job(const std::string& id) const = 0;
  virtual Result<CompactionJob> AwaitJob(const std::string& id,
                                         const runtime::CancelToken& cancel) const = 0;
  virtual Result<CompactionJob> CancelJob(const std::string& id) = 0;
  virtual CompactionTotals compaction_totals() const = 0;

  virtual std::vector<WalLaneStats> wal_stats() const = 0;
  virtual std::uint64_t hot_bytes() const = 0;
  virtual CachedBytes cached_bytes() const = 0;
  /// The tenant's folder, which this store alone writes to.
  virtual std::string tenant_folder() const = 0;
  /// Where files may lie that nobody needs after a restart: it is emptied by Open.
  virtual std::string spool_folder() const = 0;
  /// Stops background work, syncs, closes the lanes cleanly. Later writes give kUnavailable.
  virtual Status Close() = 0;
};

}  // namespace granary::storage
