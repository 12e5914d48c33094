// CompactionJobs: the compactions of a store that wait, run, and ended lately.
//
// Threads    fully safe. Jobs run on threads of their own, which give way to others, and never on
//            those of queries.
// Share      never more than `workers` merges at once, each with one thread that helps; a job
//            spreads the partitions of its source over those that are free.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/runtime/cancel.h"
#include "granary/runtime/worker_pool.h"
#include "granary/storage/source/compaction_job.h"
#include "granary/storage/source/live_source.h"
#include "granary/storage/source/store_context.h"

namespace granary::storage {

/// Whether files of the source may be merged now without anybody having asked: within the hours,
/// or where writers wait for it.
bool MayMerge(const StoreContext& context, LiveSource& source);

class CompactionJobs {
 public:
  /// `context` outlives it.
  explicit CompactionJobs(StoreContext& context);
  ~CompactionJobs();  ///< Stop().

  /// The job of this source that waits or runs with the same wish, or a new one. kUnavailable once
  /// stopped.
  Result<CompactionJob> Start(const std::shared_ptr<LiveSource>& source, CompactionWish wish);
  bool IsBusy(SourceUid source) const;

  std::vector<CompactionJob> List() const;  ///< The oldest first.
  /// kNotFound for one that never was, or ended long ago.
  Result<CompactionJob> Find(const std::string& id) const;
  /// Returns once it ended; kCancelled and kDeadlineExceeded by `cancel`, which the job outlives.
  Result<CompactionJob> Await(const std::string& id, const runtime::CancelToken& cancel) const;
  /// It ends soon; one that ended stays as it is.
  Result<CompactionJob> Cancel(const std::string& id);
  CompactionTotals totals() const;

  /// Cancels all, returns when none runs.
  void Stop();

 private:
  struct Entry;
  using EntryPtr = std::shared_ptr<Entry>;

  void Run(const EntryPtr& entry);
  /// The thread that helps with a merge; null: none does.
  runtime::WorkerPool* HelperOf(std::size_t merge) const;
  Status RunMerges(Entry& entry);
  void End(Entry& entry, const Status& outcome);
  EntryPtr FindEntry(const std::string& id) const;  // mutex_ is held.
  CompactionJob Show(const Entry& entry) const;     // mutex_ is held.

  StoreContext& context_;
  std::vector<std::unique_ptr<runtime::WorkerPool>> helpers_;  // A thread each, one for a merge.
  std::unique_ptr<runtime::WorkerPool> pool_;                  // What merges.
  mutable std::mutex mutex_;                                   // Guards what follows.
  mutable std::condition_variable changed_;
  std::deque<EntryPtr> entries_;  // The oldest first.
  std::uint64_t next_ = 1;
  bool stopped_ = false;
  CompactionTotals totals_;
};

}  // namespace granary::storage
