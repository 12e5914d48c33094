// CompactionJob: one go at the files of one source, as people see it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/storage/source/compaction_policy.h"

namespace granary::storage {

enum class JobState : std::uint8_t { kQueued, kRunning, kDone, kFailed, kCancelled };
/// "queued", "running", "done", "failed", "cancelled".
std::string_view JobStateName(JobState state);
inline bool HasEnded(JobState state) { return state > JobState::kRunning; }

/// What merging came to.
struct CompactionCounts {
  std::uint64_t merges = 0;
  std::uint64_t files_in = 0, files_out = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint64_t rows = 0;

  void Add(const CompactionCounts& other) {
    merges += other.merges;
    files_in += other.files_in, files_out += other.files_out;
    bytes_in += other.bytes_in, bytes_out += other.bytes_out;
    rows += other.rows;
  }
};

struct CompactionJob {
  std::string id;
  SourceId source;
  CompactionWish wish = CompactionWish::kWhatPays;
  JobState state = JobState::kQueued;
  std::string reason;  ///< Why these files, of the newest merge; of the failure once it failed.
  std::uint64_t bytes_total = 0;  ///< Of the merges that were chosen so far; with `bytes_done`
  std::uint64_t bytes_done = 0;   ///< read of them. Grows when a merge makes room for another.
  CompactionCounts counts;        ///< Of committed merges.
  std::int64_t created_us = 0;    ///< Wall clock.
  std::optional<std::int64_t> started_us, ended_us;
  Status failure;  ///< Of kFailed and kCancelled.
};

/// Of one process.
struct CompactionTotals {
  CompactionCounts counts;
  std::uint64_t jobs_done = 0, jobs_failed = 0, jobs_cancelled = 0;
  std::uint64_t jobs_running = 0, jobs_queued = 0;
  double seconds = 0;  ///< Of ended jobs.
  // What files that wait to be merged mean for writers, over all sources.
  std::uint64_t debt_files = 0, debt_bytes = 0;
  std::uint64_t writes_slowed = 0, writes_refused = 0;
  std::int64_t write_delay_us_max = 0;   ///< Of the source that owes the most.
  std::int64_t retry_after_seconds = 1;  ///< For writers that are refused.
};

}  // namespace granary::storage
