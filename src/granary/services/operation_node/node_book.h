// NodeBook: when each node was last heard of here, and what it said of itself.
//
// Why        heartbeats come every few seconds from each node; a commit for each would be most of
//            what the metadata store does. They are kept here, and written down now and then, so
//            that other Operation Nodes learn of them. While the store is away it is all that is
//            known of a node that began anew elsewhere.
// Time       what was heard here is timed by the monotonic clock, so that a wall clock that is set
//            neither kills a node nor keeps a dead one alive.
// Threads    fully safe.
// Owns       nothing: the clock outlives it.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "granary/io/clock.h"
#include "granary/services/operation_node/fleet_rows.h"
#include "granary/services/operation_node/node_health.h"

namespace granary::operation {

/// What a node says of itself; the rest of a Node is not its own to say.
struct Heard {
  std::string url;
  std::vector<std::string> tenants;
  bool follows = false;
  std::vector<GoneTenant> gone;
  std::uint64_t capacity = 1;
  std::string version;
  NodeLoad load;
};

class NodeBook {
 public:
  /// It listens from now on.
  NodeBook(HealthLimits limits, const io::Clock& clock)
      : limits_(limits), clock_(clock), listening_ns_(clock.MonotonicNanos()) {}

  void Hear(const std::string& node, Heard heard);
  void Forget(const std::string& node);
  /// Whether the node said, here and last, that it has let go of the tenant.
  bool IsGone(const std::string& node, const GoneTenant& tenant) const;
  std::vector<std::string> Nodes() const;
  /// Whether it was heard of since then.
  bool WasHeardSince(const std::string& node, std::int64_t monotonic_ns) const;

  /// The node as it is known here and by its row: what is newer counts. A row that was written a
  /// good while from now was written before somebody set the clock: what was heard here counts.
  Node Freshest(const std::string& id, const Node& row) const;
  NodeHealth Judge(const Node& freshest) const;

  const HealthLimits& limits() const { return limits_; }

 private:
  struct Entry {
    Heard heard;
    std::int64_t heard_ns = 0;
    std::int64_t seen_us = 0;  ///< The same instant by the wall clock as it goes now.
  };
  const HealthLimits limits_;
  const io::Clock& clock_;
  const std::int64_t listening_ns_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, Entry> heard_;
};

}  // namespace granary::operation
