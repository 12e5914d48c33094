// StoreContext: what the sources of one store share. It outlives the store for as long as someone
// holds a source.
//
// Threads    the parts are fully safe; `manifest`, `lanes` and the jobs are set before the store
//            is handed out.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "granary/runtime/delayed_job.h"
#include "granary/runtime/periodic.h"
#include "granary/runtime/spill_space.h"
#include "granary/storage/manifest/manifest.h"
#include "granary/storage/source/compaction_rules.h"
#include "granary/storage/source/data_folder.h"
#include "granary/storage/source/data_path.h"
#include "granary/storage/source/hot_budget.h"
#include "granary/storage/source/segment.h"
#include "granary/storage/source/store.h"
#include "granary/storage/wal/wal_lane.h"

namespace granary::storage {

/// A lane's current log, which is replaced when a full disk has room again.
class LaneSlot {
 public:
  std::shared_ptr<WalLane> log() const {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  void Set(std::shared_ptr<WalLane> log) {
    const std::lock_guard lock(mutex_);
    log_.swap(log);
  }

  /// Counts the bytes that go into the lane; returns where they begin. So the distance from a
  /// source's oldest hot record to here tells how much log it holds back.
  std::uint64_t Advance(std::uint64_t bytes) { return position_.fetch_add(bytes); }
  std::uint64_t position() const { return position_.load(); }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<WalLane> log_;
  std::atomic<std::uint64_t> position_ = 0;
};

struct StoreContext {
  StoreContext(StoreDeps store_deps, StoreOptions store_options, DataFolder data_folder,
               DataRoots data_roots)
      : deps(store_deps),
        options(std::move(store_options)),
        folder(std::move(data_folder)),
        roots(std::move(data_roots)),
        segment_files(deps.files, options.segment_files, deps.memory, deps.log),
        budget(
            options.hot_bytes_max, options.hot_wait_max, [this] { Press(); }, deps.memory),
        compaction_memory("compaction", runtime::MemoryBudget::kNoLimit, deps.memory),
        merge_spill(deps.files, io::JoinPath(folder.SpoolPath(options.tenant), "merge")) {}

  std::int64_t NowMicros() const { return deps.clock.MonotonicNanos() / 1000; }
  /// Has the background work look at once whether there is something to flush.
  void Press() {
    if (job != nullptr) job->Poke();
  }

  StoreDeps deps;
  const std::uint64_t life = io::SystemRandom().Next64();  ///< Of this opening of the store.
  const StoreOptions options;
  DataFolder folder;
  DataRoots roots;
  SegmentFiles segment_files;
  HotBudget budget;
  runtime::MemoryBudget compaction_memory;
  CompactionRuleBook compaction_rules;
  runtime::SpillSpace merge_spill;  ///< In the spool folder, which each start empties.
  std::unique_ptr<Manifest> manifest;
  std::map<std::uint32_t, std::unique_ptr<LaneSlot>> lanes;
  /// Syncs the lanes that hold frames whose writers were answered before that.
  std::unique_ptr<runtime::DelayedJob> sync_job;
  std::unique_ptr<runtime::PeriodicJob> job;
  /// While the job runs: hot rows are flushed for others who need memory.
  std::unique_ptr<runtime::MemoryBudget::Presser> presser;
  std::atomic<bool> closed = false;
};

}  // namespace granary::storage
