// Fleet: the fleet as it is now, and the one way to change it.
//
// Promise    a change is decided over all that the store holds and is made only when nothing came
//            between: of two Operation Nodes that decide at once one decides again. What was
//            answered as done is in the store.
// Away       while the store does not answer, Look gives what was seen last and since when that is
//            so; Fresh and Change fail with kUnavailable. Attempts are at most one a second and
//            one at a time. It is asked again by whoever comes next: it comes back by itself.
// Waits      a thread of its own asks the store, once for all who came before it asked. Look waits
//            for it kLookMs at most, then gives what was seen last; Change waits kTurnMs at most
//            until it may commit, and no longer than its deadline. A commit that began is waited
//            for, since its caller must learn what became of it: as long as the store's own limit.
// Threads    fully safe.
// Owns       the store. Clock and log outlive it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/metadata/metadata_store.h"
#include "granary/runtime/job_thread.h"
#include "granary/services/operation_node/fleet_view.h"

namespace granary::operation {

using FleetViewPtr = std::shared_ptr<const FleetView>;

class Fleet {
 public:
  static constexpr std::int64_t kRetryMs = 1'000;
  static constexpr int kAttempts = 16;

  Fleet(std::unique_ptr<metadata::MetadataStore> store, const io::Clock& clock, Logger& log);
  ~Fleet();

  /// Of a request: runtime::CancelToken::deadline_ns. Nothing: as long as the limits below.
  using Deadline = std::optional<std::int64_t>;
  static constexpr std::int64_t kLookMs = 500, kTurnMs = 10'000, kRecentMs = 200;

  struct Seen {
    FleetViewPtr view;
    std::int64_t stale_ms = 0;  ///< 0: it is what the store holds now.
  };
  /// kUnavailable only when nothing was ever seen.
  Result<Seen> Look(Deadline deadline = {});
  /// Look, but what the store held at most kRecentMs ago will do. What was changed here is in it.
  Result<Seen> Recent(Deadline deadline = {});
  /// kUnavailable when the store does not answer, kDeadlineExceeded.
  Result<FleetViewPtr> Fresh(Deadline deadline = {});
  /// What was seen last, without asking; null when nothing was.
  FleetViewPtr Last() const;

  using Changes = std::vector<metadata::Change>;
  using DecideFn = std::function<Result<Changes>(const FleetView& now)>;
  /// Decides, and commits what was decided; nothing decided is nothing done. `decide` may be called
  /// several times and changes nothing itself. Returns the fleet after the change. `decide`'s
  /// failure, kUnavailable, kDeadlineExceeded (nothing was done), kOverloaded when others kept
  /// changing it.
  Result<FleetViewPtr> Change(const DecideFn& decide, Deadline deadline = {});
  /// Commits rows that no decision hangs on, each unless it was changed meanwhile (kConflict).
  /// kInvalidArgument when no store would take them, which says nothing of the store.
  Status Note(const Changes& changes);

  /// Why the store is away; OK when it is not.
  Status status() const;
  const std::string& where() const { return store_->where(); }

 private:
  using Until = std::chrono::steady_clock::time_point;
  static Until UntilOf(std::int64_t patience_ms, Deadline deadline);
  Status CatchUp(Until until);
  void Ask();  // The asking thread.
  Result<FleetViewPtr> Read();
  Status Commit(const Changes& changes, std::optional<std::uint64_t> seen, Until until,
                std::uint64_t& version);
  // The rest under asker_.mutex.
  /// Whether it is of no use to ask now.
  bool IsTooSoon() const;
  Status Failed(const Status& failure);
  void Worked(FleetViewPtr view, std::int64_t asked_ns);

  const std::unique_ptr<metadata::MetadataStore> store_;
  const io::Clock& clock_;
  Logger& log_;
  std::timed_mutex turn_mutex_;  // Of the store; taken before asker_.mutex.
  FleetViewPtr view_;            // Null: nothing was seen. Guarded by asker_.mutex, as is the rest.
  Status away_;                  // OK: the last call worked.
  std::int64_t failed_ns_ = 0, worked_ns_ = 0;
  std::int64_t asked_ns_ = 0;  // When the question was asked whose answer view_ is.
  // Rounds of asking: the last one that somebody wants, that began, that ended.
  std::uint64_t wanted_ = 0, begun_ = 0, ended_ = 0;
  std::condition_variable round_ended_;
  mutable runtime::JobThread asker_;
};

}  // namespace granary::operation
