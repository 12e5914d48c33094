#include "granary/services/operation_node/node_changes.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/services/operation_node/tenant_changes.h"

namespace granary::operation {
namespace {

metadata::Change NodeRowChange(const std::string& id, const Kept<Node>* before, const Node& node) {
  return {std::string(kNodeKind), id, before == nullptr ? 0 : before->version, NodeBody(node)};
}

// Whether it says the same of itself as what is written down.
bool IsKnown(const Kept<Node>* row, const Heartbeat& beat) {
  return row != nullptr && row->value.seen_us > 0 && row->value.url == beat.url &&
         row->value.tenants == beat.tenants && row->value.capacity == beat.capacity &&
         row->value.follows == beat.follows && row->value.version == beat.version;
}

void AdoptTenants(const Desk& desk, const FleetView& now, const std::string& node,
                  const Heartbeat& beat, Fleet::Changes& changes) {
  std::size_t count = now.tenants().size();
  for (const std::string& tenant : beat.tenants) {
    if (now.FindTenant(tenant) != nullptr || !now.CheckTenant(tenant).ok()) continue;
    if (++count > static_cast<std::size_t>(desk.config.max_tenants) ||
        changes.size() + 2 > metadata::kChangesMax)
      return;
    const std::int64_t now_us = desk.clock.WallMicros();
    changes.push_back({std::string(kTenantKind), tenant, 0,
                       TenantBody({.created_us = now_us, .changed_us = now_us})});
    const auto* placed = now.FindPlacement(tenant);
    changes.push_back({std::string(kPlacementKind), tenant, placed == nullptr ? 0 : placed->version,
                       PlacementBody({.node = node,
                                      .reason = "its node brought it along (ADOPT_TENANTS)",
                                      .since_us = now_us})});
  }
}

}  // namespace

Status CheckKey(const FleetView& now, const std::string& node, const Heartbeat& beat) {
  GRANARY_TRY(now.CheckRow(kNodeKind, node));  // Whose it is cannot be told.
  const auto* row = now.FindNode(node);
  if (row == nullptr || row->value.key_digest == KeyDigest(beat.key)) return Status::Ok();
  return {
      Code::kPermissionDenied,
      fmt::format("the node id '{}' belongs to a node with another key: choose another NODE_ID, "
                  "or remove that node first",
                  node)};
}

Status CheckFits(const Heartbeat& beat) {
  constexpr std::size_t kRestBytes = 512;  // Its key's digest, who launched it, its load.
  Node node;
  node.url = beat.url;
  node.tenants = beat.tenants;
  node.version = beat.version;
  const std::size_t bytes = NodeBody(node).size() + kRestBytes;
  if (bytes <= metadata::kBodyBytesMax) return Status::Ok();
  return Status::Invalid(Code::kInvalidArgument, "/tenants",
                         fmt::format("with its tenants the node would take {} bytes, allowed are "
                                     "{}",
                                     bytes, metadata::kBodyBytesMax));
}

Result<Fleet::Changes> DecideHeartbeat(const Desk& desk, const FleetView& now,
                                       const std::string& id, const Heartbeat& beat) {
  GRANARY_TRY(CheckKey(now, id, beat));
  const auto* row = now.FindNode(id);
  if (row == nullptr && now.nodes().size() >= static_cast<std::size_t>(desk.config.max_nodes)) {
    return Status(Code::kQuotaExceeded, fmt::format("there are {} nodes: MAX_NODES is {}",
                                                    now.nodes().size(), desk.config.max_nodes));
  }
  Fleet::Changes changes;
  if (!IsKnown(row, beat)) {
    Node node = row == nullptr ? Node() : row->value;
    node.url = beat.url;
    node.key_digest = KeyDigest(beat.key);
    node.tenants = beat.tenants;
    node.capacity = beat.capacity;
    node.follows = beat.follows;
    node.version = beat.version;
    node.seen_us = desk.clock.WallMicros();
    node.load = beat.load;
    changes.push_back(NodeRowChange(id, row, node));
  }
  // One that serves many serves whom it is told to; one that was deleted it announces until then.
  if (desk.config.adopt_tenants && !beat.follows) AdoptTenants(desk, now, id, beat, changes);
  return changes;
}

Result<const Kept<Node>*> NeedNode(const FleetView& now, const std::string& node) {
  const Kept<Node>* found = now.FindNode(node);
  if (found != nullptr) return found;
  GRANARY_TRY(now.CheckRow(kNodeKind, node));
  return Status(Code::kNotFound, fmt::format("there is no node '{}'", node.substr(0, 128)));
}

Result<Fleet::Changes> DecideDraining(const FleetView& now, const std::string& id, bool draining) {
  GRANARY_ASSIGN(const Kept<Node>* row, NeedNode(now, id));
  if (!row->value.launched_by.empty()) {
    return Status(Code::kConflict,
                  fmt::format("the node '{}' was launched for one tenant: suspend, move or delete "
                              "that",
                              id));
  }
  if (row->value.draining == draining) return Fleet::Changes();
  Node node = row->value;
  node.draining = draining;
  return Fleet::Changes{NodeRowChange(id, row, node)};
}

Result<Fleet::Changes> DecideRemoval(const Desk& desk, const FleetView& now,
                                     const std::string& id) {
  GRANARY_ASSIGN(const Kept<Node>* row, NeedNode(now, id));
  const auto counts = now.PlacedCounts();
  const auto placed = counts.find(id);
  const NodeNow node =
      LookAtNode(desk, id, row->value, placed == counts.end() ? 0 : placed->second);
  if (node.placed > 0) {
    return Status(Code::kConflict,
                  fmt::format("{} tenants are placed on the node '{}': move or delete them first",
                              node.placed, id));
  }
  if (!node.node.launched_by.empty())
    return Status(Code::kConflict, fmt::format("the node '{}' goes with its tenant", id));
  if (node.health.state == NodeState::kAlive) {
    return Status(Code::kConflict,
                  fmt::format("the node '{}' lives and would come back: stop it first", id));
  }
  return Fleet::Changes{{std::string(kNodeKind), id, row->version, std::nullopt}};
}

}  // namespace granary::operation
