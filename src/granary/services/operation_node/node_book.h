// NodeBook: when each node was last heard of here, and the load that it told.
//
// Why        heartbeats come every few seconds from each node; a commit for each would be most of
//            what the metadata store does. They are kept here, and written down now and then, so
//            that other Operation Nodes learn of them.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "granary/services/operation_node/fleet_rows.h"
#include "granary/services/operation_node/node_health.h"

namespace granary::operation {

struct Heard {
  std::int64_t seen_us = 0;
  NodeLoad load;
};

class NodeBook {
 public:
  NodeBook(HealthLimits limits, std::int64_t listening_us)
      : limits_(limits), listening_us_(listening_us) {}

  void Hear(const std::string& node, const Heard& heard);
  void Forget(const std::string& node);
  std::optional<Heard> Find(const std::string& node) const;
  std::map<std::string, Heard> All() const;

  /// The node as it is known here and by its row: what is newer counts.
  Node Freshest(const std::string& id, const Node& row) const;
  NodeHealth Judge(const Node& freshest, std::int64_t now_us) const;

  const HealthLimits& limits() const { return limits_; }

 private:
  const HealthLimits limits_;
  const std::int64_t listening_us_;
  mutable std::mutex mutex_;
  std::map<std::string, Heard> heard_;
};

}  // namespace granary::operation
