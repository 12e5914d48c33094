#include "granary/services/operation_node/desk.h"

#include <algorithm>

#include "granary/hosting/loopback_guard.h"

namespace granary::operation {

NodeNow LookAtNode(const Desk& desk, const std::string& id, const Node& row, std::uint64_t placed) {
  NodeNow out{.node = desk.book.Freshest(id, row), .placed = placed};
  if (row.launched_by == desk.id) {
    // What an earlier process said of itself is not true of the one that is there now.
    const auto process = desk.keeper.Find(id);
    const bool has_spoken = process && (desk.book.WasHeardSince(id, process->started_ns) ||
                                        out.node.seen_us >= process->started_us);
    if (!process || !process->runs || !has_spoken) {
      out.node.url.clear();
      out.node.tenants.clear();
      out.node.seen_us = 0;
    }
  }
  out.health = desk.book.Judge(out.node);
  return out;
}

bool IsOutOfReach(const Desk& desk, const Node& node, Asker asker) {
  const auto scheme = node.url.find("://");
  if (scheme == std::string::npos || !hosting::IsThisMachine(node.url.substr(scheme + 3)))
    return false;
  const bool is_others = !node.launched_by.empty() && node.launched_by != desk.id;
  return asker == Asker::kElsewhere || is_others;
}

bool IsServing(const Desk& desk, const FleetView& view, const std::string& tenant_id) {
  const auto* tenant = view.FindTenant(tenant_id);
  const auto* placement = view.FindPlacement(tenant_id);
  if (tenant == nullptr || placement == nullptr) return false;
  const auto* row = view.FindNode(placement->value.node);
  if (row == nullptr || tenant->value.state != TenantState::kActive) return false;
  const NodeNow node = LookAtNode(desk, placement->value.node, row->value, 0);
  return node.health.state == NodeState::kAlive &&
         std::ranges::find(node.node.tenants, tenant_id) != node.node.tenants.end();
}

}  // namespace granary::operation
