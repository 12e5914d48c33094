// WalLane: one log shared by many sources; group commit; files preallocated and recycled.
//
// Place      Source::Write -> WalLane::Enqueue (under the source's lock, so that a source's frames
//            lie in order of sequence) -> WalLane::Wait (outside it) -> on_commit publishes to the
//            hot tier.
// Promise    on_commit(OK) of a frame with WalSync::kBeforeAnswer is called only after an fdatasync
//            that covers it, and all before it. With kLater it is called once the frame is in the
//            file, where it outlives the process but not a power cut; the next sync covers it,
//            whoever causes it, and what a power cut leaves is a prefix of the lane. The callbacks
//            of a lane run in order of enqueueing, one at a time, before their waiters return.
//            After any failed write or sync the lane is closed for good: every waiting and later
//            frame gets the same error, because we no longer know which bytes the file holds.
// Group      the first waiter leads: it writes everything enqueued so far with one pwrite, syncs
//            once unless all of it may wait, calls back, and hands leadership to a waiter whose
//            frame came in meanwhile.
// Files      <dir>/000001.wal … ; a new process always starts a new file. A full file is kept until
//            Collect() says that no source needs it, then renamed to serve again.
// Units      sizes in bytes, times in microseconds.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/io/failpoint.h"
#include "granary/io/file_system.h"
#include "granary/storage/wal/commit_queue.h"
#include "granary/storage/wal/wal_damage.h"
#include "granary/storage/wal/wal_frame.h"

namespace granary::storage {

struct WalLaneOptions {
  std::string directory;
  std::uint32_t lane = 0;
  std::uint64_t file_bytes = 64u << 20;         ///< A group that goes past it starts a file.
  std::uint64_t payload_bytes_max = 64u << 20;  ///< A larger frame is refused with kTooLarge.
  std::size_t recycled_files_max = 2;
  /// More than this never waits for a sync: recovery holds it in memory once.
  std::uint64_t unsynced_bytes_max = 8u << 20;
  io::Random* random = nullptr;  ///< Salts files; the kernel's when null. Outlives the lane.
  /// Called when frames begin to wait for a Sync, by whoever writes them: it must not block.
  std::function<void()> on_unsynced;
};

struct WalLaneStats {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;   ///< In use by frames, in all files that are kept.
  std::uint64_t frames = 0;  ///< Appended by this process.
  std::uint64_t syncs = 0;
  std::uint64_t synced_frames = 0;   ///< Of `frames`, the first so many.
  std::uint64_t unsynced_bytes = 0;  ///< Written, and not synced yet.
};

class WalLane {
 public:
  /// Called for each whole frame in order of writing. A failure ends the replay with it.
  using ReplayFn = std::function<Status(const WalFrame& frame)>;
  using CommitFn = std::function<void(const Status& status)>;
  /// The sequence up to which a source is in committed Parquet; nothing for a source that is gone.
  using FlushedFn = std::function<std::optional<std::uint64_t>(SourceUid)>;

  /// Replays what is there, then starts a new file. A torn tail (frames of an unfinished group at
  /// the end of a file) is skipped; damage before later synced frames is reported in damage() and
  /// replay goes on behind it, so that the gap in a source's sequence names who lost data.
  static Result<std::unique_ptr<WalLane>> Open(io::FileSystem& files, io::Clock& clock,
                                               io::Failpoints& failpoints, Logger& log,
                                               WalLaneOptions options, const ReplayFn& replay);
  ~WalLane();

  /// Whether Enqueue would take it: kTooLarge.
  Status CheckFits(const WalFrame& frame) const;

  using Ticket = std::uint64_t;
  /// Takes a place in the log. `on_commit` is called exactly once. kTooLarge and a closed lane
  /// fail at once, without a call.
  Result<Ticket> Enqueue(WalFrame frame, CommitFn on_commit, WalSync sync = WalSync::kBeforeAnswer);
  /// Returns when the frame's callback has been called, with the status it got.
  Status Wait(Ticket ticket);
  /// Returns once all that was enqueued before is synced. A failure closes the lane.
  Status Sync();

  /// Drops (or recycles) closed files in which every source's frames are flushed and which are
  /// older than `retention_us`, or older than what `retention_bytes` of log in all leaves room for.
  /// A damaged file stays: somebody has to look at it.
  Status Collect(const FlushedFn& flushed, std::int64_t retention_us,
                 std::uint64_t retention_bytes);
  /// Sources that keep a closed file from being dropped, oldest file first.
  std::vector<SourceUid> Laggards(const FlushedFn& flushed) const;

  /// Closes the current file and starts another, so that the closed one can be collected.
  Status Rotate();
  /// Writes kEndOfLane and closes. Later calls fail with kUnavailable.
  Status Close();

  const std::vector<WalDamage>& damage() const;
  WalLaneStats stats() const;
  /// kOk while usable, else why not.
  Status closed_by() const;

 private:
  struct State;
  explicit WalLane(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace granary::storage
