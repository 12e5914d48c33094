// Maintenance: what a store does by itself: flushes what is due, lets go of log files and of merged
// segments that nobody needs, builds index files that are missing, makes estimates of columns anew,
// has files merged, and opens lanes again that a full disk closed.
//
// Threads    one: the store's background job.
// Owns       nothing: context and sources must outlive it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "granary/storage/source/compaction_jobs.h"
#include "granary/storage/source/source_map.h"
#include "granary/storage/source/store_context.h"

namespace granary::storage {

class Maintenance {
 public:
  /// `strangers` are uids whose frames must stay in the log: see Replay.
  Maintenance(StoreContext& context, SourceMap& sources, CompactionJobs& compactions,
              std::set<SourceUid> strangers);

  /// One round.
  void Run();

 private:
  void FlushWhatIsDue();
  void RememberOutcome(SourceUid uid, const Status& outcome);
  std::optional<std::uint64_t> FlushedSequence(SourceUid uid) const;
  void MendIndexes();
  void RefreshEstimates();
  void CollectLogs();
  void CompactWhatIsDue();
  bool IsTimeFor(LiveSource& source, const CompactionOptions& options);
  std::string_view WhyCompact(LiveSource& source, bool by_time);
  void RememberMerge(LiveSource& source);
  void RemoveRetired();
  bool HasRoom(std::uint32_t lane) const;
  void ReopenFullLanes();

  /// When a flush that failed is tried again.
  struct Retry {
    std::int64_t at_us = 0;
    std::int64_t wait_us = 0;
  };

  StoreContext& context_;
  SourceMap& sources_;
  CompactionJobs& compactions_;
  const std::set<SourceUid> strangers_;
  std::map<SourceUid, Retry> retries_;
  std::int64_t next_mend_us_ = 0;
  std::int64_t next_estimates_us_ = 0;
  std::int64_t next_collect_us_ = 0;
  /// When all sources were last looked at by time, and single ones that were looked at later.
  std::int64_t looked_us_;
  std::map<SourceUid, std::int64_t> looked_later_us_;
  std::int64_t next_remove_us_ = 0;
  std::map<SourceUid, std::size_t> files_then_;  // When it was last looked at for compaction.
  /// The job that merges, or has merged, a source, and when it is tried again if it failed.
  struct Merge {
    std::string job;
    Retry retry;
  };
  std::map<SourceUid, Merge> merges_;
  std::map<SourceUid, std::size_t> tried_with_;  // So many files, in this life of the store.
};

}  // namespace granary::storage
