// Fleet: the fleet as it is now, and the one way to change it.
//
// Promise    a change is decided over all that the store holds and is made only when nothing came
//            between: of two Operation Nodes that decide at once one decides again. What was
//            answered as done is in the store.
// Away       while the store does not answer, Look gives what was seen last and since when that is
//            so; Fresh and Change fail with kUnavailable. Attempts are at most one a second and
//            one at a time, so nobody but the first waits for a store that is gone. It is asked
//            again by whoever comes next: it comes back by itself.
// Threads    fully safe.
// Owns       the store. Clock and log outlive it.
#pragma once

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
#include "granary/services/operation_node/fleet_view.h"

namespace granary::operation {

using FleetViewPtr = std::shared_ptr<const FleetView>;

class Fleet {
 public:
  static constexpr std::int64_t kRetryMs = 1'000;
  static constexpr int kAttempts = 16;

  Fleet(std::unique_ptr<metadata::MetadataStore> store, const io::Clock& clock, Logger& log);

  struct Seen {
    FleetViewPtr view;
    std::int64_t stale_ms = 0;  ///< 0: it is what the store holds now.
  };
  /// kUnavailable only when nothing was ever seen.
  Result<Seen> Look();
  /// kUnavailable when the store does not answer.
  Result<FleetViewPtr> Fresh();
  /// What was seen last, without asking; null when nothing was.
  FleetViewPtr Last() const;

  using Changes = std::vector<metadata::Change>;
  using DecideFn = std::function<Result<Changes>(const FleetView& now)>;
  /// Decides, and commits what was decided; nothing decided is nothing done. `decide` may be called
  /// several times and changes nothing itself. Returns the fleet after the change. `decide`'s
  /// failure, kUnavailable, kOverloaded when others kept changing it.
  Result<FleetViewPtr> Change(const DecideFn& decide);
  /// Commits rows that no decision hangs on, each unless it was changed meanwhile (kConflict).
  /// kInvalidArgument when no store would take them, which says nothing of the store.
  Status Note(const Changes& changes);

  /// Why the store is away; OK when it is not.
  Status status() const;
  const std::string& where() const { return store_->where(); }

 private:
  Status CatchUp();
  /// Whether it is of no use to ask now. Under mutex_.
  bool IsTooSoon() const;
  Status Failed(const Status& failure);
  void Worked(FleetViewPtr view);

  const std::unique_ptr<metadata::MetadataStore> store_;
  const io::Clock& clock_;
  Logger& log_;
  std::mutex turn_mutex_;  // Of the store; taken before mutex_.
  mutable std::mutex mutex_;
  FleetViewPtr view_;       // Null: nothing was seen.
  Status away_;             // OK: the last call worked.
  bool is_trying_ = false;  // Somebody asks a store that was away.
  std::int64_t failed_ns_ = 0, worked_ns_ = 0;
};

}  // namespace granary::operation
