// Desk: what the handlers of an Operation Node work with; there once it is open.
//
// Threads    fully safe, as its parts are.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/services/operation_node/config.h"
#include "granary/services/operation_node/fleet.h"
#include "granary/services/operation_node/node_book.h"
#include "granary/services/operation_node/node_keeper.h"

namespace granary::operation {

struct QueryDesk;
class IdentityClaim;
class AuditBook;

struct Desk {
  const Config& config;
  const std::string& id;  ///< Of this Operation Node.
  Fleet& fleet;
  NodeBook& book;
  NodeKeeper& keeper;
  AuditBook& audit;
  const io::Clock& clock;
  Logger& log;
  /// A launched node's key.
  std::function<std::string(const std::string& node)> key_of;

  QueryDesk* queries = nullptr;  ///< Always there in a service that is open.
  /// Null where nobody else can have this one's identity.
  IdentityClaim* claim = nullptr;
  /// Somebody else is to forget a tenant before it is gone (farewells.h).
  bool tells_others = false;

  bool may_launch() const { return config.max_launched_nodes > 0; }
};

/// kUnavailable before the service is open and once it has stopped.
using FindDesk = std::function<Result<std::shared_ptr<Desk>>()>;

/// A node of the fleet as it is now. Of one that was launched here, what its process that runs now
/// has said: nothing yet is kStarting, without a URL.
struct NodeNow {
  Node node;
  NodeHealth health;
  std::uint64_t placed = 0;  ///< Tenants.
};
NodeNow LookAtNode(const Desk& desk, const std::string& id, const Node& row, std::uint64_t placed);

/// From where somebody asks for a node.
enum class Asker : std::uint8_t { kHere, kElsewhere };
/// Whether its URL leads whoever asks to another machine than the node's, which gets their tokens:
/// a loopback address, asked for from elsewhere or launched by an Operation Node elsewhere.
bool IsOutOfReach(const Desk& desk, const Node& node, Asker asker);

/// Whether the tenant can be used: it is active, and its node lives and serves it.
bool IsServing(const Desk& desk, const FleetView& view, const std::string& tenant);

}  // namespace granary::operation
