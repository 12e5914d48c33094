// FleetNodes: which nodes there are, as the Operation Node says it: GET /nodes?active_tenants=true.
//
// Bad input  the answer is of another service, and what is in it was said by nodes: a page that is
//            none is refused whole; an entry whose id, URL or tenants are none is passed over and
//            counted.
// Threads    values; pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::services {

struct FleetNode {
  std::string id;
  std::string url;    ///< Empty: it has not said yet where it is.
  std::string state;  ///< starting, alive, suspect or dead, as the Operation Node judges it.
  bool is_launched = false;
  /// Active ones that the Operation Node placed there, in order, whatever the node says of itself.
  std::vector<std::string> tenants;

  /// A launched node runs only while it has somebody to serve.
  bool should_run() const { return !is_launched || !tenants.empty(); }
};

struct FleetNodes {
  std::vector<FleetNode> nodes;  ///< Those that should run, by id.
  std::size_t idle = 0;          ///< Those that should not.
  std::size_t bad = 0;           ///< Entries that were passed over.
  bool has_more = false;         ///< There are more than were asked for.
};

struct FleetNodesPage {
  FleetNodes found;
  std::string next_cursor;  ///< Empty: nothing follows.
};

/// kCorruption for what is no page of nodes.
Result<FleetNodesPage> ReadFleetNodes(std::string_view json);

/// Whether whoever asks the Operation Node at `operation_url` reaches a node at `url`: one that is
/// at a loopback address is reached from the Operation Node's own machine alone.
bool IsReachable(std::string_view url, std::string_view operation_url);

}  // namespace granary::services
