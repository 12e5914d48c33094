// Steward: what an Operation Node does without being asked, once a second: catches up with the
// store, writes down who was heard of, tells the log of nodes that fall silent or come back, places
// tenants that wait, and decides how many nodes there should be.
//
// Away       while the store does not answer, nodes go on being judged, and nothing is written.
// Threads    fully safe; works on a thread of its own.
// Owns       nothing but its thread: the desk outlives it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "granary/runtime/periodic.h"
#include "granary/services/operation_node/desk.h"

namespace granary::operation {

inline constexpr std::uint64_t kDecisionsKept = 200;

/// What of the fleet scaling is decided on.
FleetLoad FleetLoadOf(const Desk& desk, const FleetView& view);

/// The rows that keep a decision, unless it says the same as the last one.
Fleet::Changes RecordDecision(const FleetView& now, const FleetLoad& load,
                              const FleetDecision& decision, std::int64_t now_us);

/// The last growth or shrinking that is kept.
std::optional<FleetChange> LastChangeOf(const FleetView& view, std::int64_t now_us);

/// What was heard here after it was written down, as rows, each of which a store takes; may be more
/// than one commit. What was written down longest ago comes first.
std::vector<metadata::Change> HeardChanges(const NodeBook& book, const FleetView& view);

struct FleetCounts {
  std::uint64_t tenants = 0, waiting_tenants = 0, damaged_rows = 0;
  std::map<NodeState, std::uint64_t> nodes;
};

class Steward {
 public:
  static constexpr std::chrono::milliseconds kWorkEvery{1'000};

  explicit Steward(Desk& desk) : desk_(desk) {}
  ~Steward();
  void Start();
  void Stop();
  /// One round. For tests; Start's thread does it otherwise.
  void Work();

  /// What was decided last, with its inputs; nothing before the first time.
  std::optional<MadeDecision> last_decision() const;
  FleetCounts counts() const;

 private:
  void WriteDownHeard(const FleetView& view);
  void ForgetRemoved();
  void TellOfNodes(const FleetView& view);
  void PlaceWaiting();
  void DecideScale(const FleetView& view);

  Desk& desk_;
  std::int64_t written_ns_ = 0, decided_ns_ = 0;  // The working thread's, as is the next.
  std::map<std::string, NodeState> told_;
  mutable std::mutex mutex_;
  std::optional<MadeDecision> last_decision_;  // Guarded by mutex_, as is the next.
  FleetCounts counts_;
  std::unique_ptr<runtime::PeriodicJob> job_;  // Uses all of the above.
};

}  // namespace granary::operation
