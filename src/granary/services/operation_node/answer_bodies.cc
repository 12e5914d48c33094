#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/services/operation_node/bodies.h"
#include "granary/services/operation_node/members.h"

namespace granary::operation {
namespace {

void AddQuotaMembers(api::JsonObject& object, const Quota& quota) {
  object.Add("sources", quota.sources);
  object.Add("memory_mb", quota.memory_mb);
  object.Add("workers", quota.workers);
  object.Add("searches", quota.searches);
}

void AppendTexts(const std::vector<std::string>& texts, std::string& out) {
  out.push_back('[');
  for (const std::string& text : texts) {
    if (out.back() != '[') out.push_back(',');
    json::AppendString(text, out);
  }
  out.push_back(']');
}

// Only the Operation Node that runs a node's process knows of it.
void AddProcess(api::JsonObject& object, const Desk& desk, const std::string& node) {
  const auto process = desk.keeper.Find(node);
  if (!process) return object.AddNull("process");
  std::string& out = object.Key("process");
  api::JsonObject members(out);
  members.Add("runs", process->runs);
  members.Add("starts", process->starts);
  members.Add("failures", process->failures);
  AddTextOrNull(members, "last_exit", process->last_exit);
  members.Add("wait_ms", process->wait_ms);
  members.Close();
}

void AddPlacementOf(api::JsonObject& object, const Desk& desk, const FleetView& view,
                    const std::string& tenant, Asker asker) {
  const auto* placement = view.FindPlacement(tenant);
  if (placement == nullptr) return object.AddNull("placement");
  const auto* row = view.FindNode(placement->value.node);
  const NodeNow node = row == nullptr ? NodeNow{.health = {NodeState::kDead, "it is not known"}}
                                      : LookAtNode(desk, placement->value.node, row->value, 0);
  std::string& out = object.Key("placement");
  api::JsonObject members(out);
  members.Add("node_id", std::string_view(placement->value.node));
  AddTextOrNull(members, "url", IsOutOfReach(desk, node.node, asker) ? "" : node.node.url);
  members.Add("node_state", NodeStateName(node.health.state));
  AddTextOrNull(members, "launched_by", placement->value.launched_by);
  members.Add("reason", std::string_view(placement->value.reason));
  AddInstant(members, "since", placement->value.since_us);
  members.Close();
}

// Why a tenant is not there for its users, or not gone; empty: it serves, or is what it was told to
// be.
std::string ReasonOf(const Desk& desk, const FleetView& view, const std::string& id,
                     const Tenant& tenant) {
  if (tenant.state == TenantState::kDeleting) return desk.keeper.WhyNotDeleted(id);
  if (tenant.state != TenantState::kActive || IsServing(desk, view, id)) return {};
  const auto* placement = view.FindPlacement(id);
  if (placement == nullptr) return "no node can take it yet";
  const auto process = desk.keeper.Find(placement->value.node);
  if (process && !process->runs && process->failures > 0) {
    return fmt::format(
        "its node ended by itself {} times in a row, last with {}; its last lines "
        "are in the log of this service",
        process->failures, process->last_exit);
  }
  const auto* row = view.FindNode(placement->value.node);
  if (row == nullptr) return "its node is not known";
  const NodeNow node = LookAtNode(desk, placement->value.node, row->value, 0);
  if (node.health.state != NodeState::kAlive)
    return fmt::format("its node is {}: {}", NodeStateName(node.health.state), node.health.reason);
  return "its node does not announce it";
}

}  // namespace

std::string QuotaJson(const std::string& tenant, const Quota& quota) {
  std::string out;
  api::JsonObject object(out);
  object.Add("tenant_id", std::string_view(tenant));
  AddQuotaMembers(object, quota);
  object.Close();
  return out;
}

std::string HeartbeatAnswer(const FleetView& view, const std::string& node,
                            std::int64_t heartbeat_seconds) {
  std::string out;
  api::JsonObject object(out);
  object.Add("node_id", std::string_view(node));
  object.Add("state", NodeStateName(NodeState::kAlive));
  std::vector<std::string> placed;
  for (const auto& [tenant, placement] : view.placements())
    if (placement.value.node == node) placed.push_back(tenant);
  AppendTexts(placed, object.Key("tenants"));
  // Whoever has a row that cannot be read is left as they are: guessing would end or revive them.
  const auto unreadable = view.DamagedTenants();
  std::string& list = object.Key("placed");
  list.push_back('[');
  for (const std::string& id : placed) {
    const auto* tenant = view.FindTenant(id);
    if (tenant == nullptr || unreadable.contains(id)) continue;
    if (list.back() != '[') list.push_back(',');
    api::JsonObject one(list);
    one.Add("tenant_id", std::string_view(id));
    one.Add("name", std::string_view(tenant->value.name));
    one.Add("state", TenantStateName(tenant->value.state));
    one.Add("keeps_data", tenant->value.keeps_data);
    one.Add("changed_us", tenant->value.changed_us);
    const auto* quota = view.FindQuota(id);
    api::JsonObject members(one.Key("quota"));
    AddQuotaMembers(members, quota == nullptr ? Quota() : quota->value);
    members.Close();
    one.Close();
  }
  list.push_back(']');
  AppendTexts({unreadable.begin(), unreadable.end()}, object.Key("unreadable"));
  object.Add("heartbeat_seconds", heartbeat_seconds);
  object.Close();
  return out;
}

std::string TenantJson(const Desk& desk, const FleetView& view, const std::string& id,
                       const Tenant& tenant) {
  std::string out;
  api::JsonObject object(out);
  object.Add("tenant_id", std::string_view(id));
  object.Add("name", std::string_view(tenant.name));
  object.Add("state", TenantStateName(tenant.state));
  object.Add("serving", IsServing(desk, view, id));
  AddTextOrNull(object, "reason", ReasonOf(desk, view, id, tenant));
  AddInstant(object, "created", tenant.created_us);
  AddInstant(object, "changed", tenant.changed_us);
  AddPlacementOf(object, desk, view, id, Asker::kHere);
  const auto* quota = view.FindQuota(id);
  if (quota == nullptr) {
    object.AddNull("quota");
  } else {
    api::JsonObject members(object.Key("quota"));
    AddQuotaMembers(members, quota->value);
    members.Close();
  }
  object.Close();
  return out;
}

std::string PlacementJson(const Desk& desk, const FleetView& view, const std::string& id,
                          const Tenant& tenant, Asker asker) {
  std::string out;
  api::JsonObject object(out);
  object.Add("tenant_id", std::string_view(id));
  object.Add("state", TenantStateName(tenant.state));
  AddPlacementOf(object, desk, view, id, asker);
  object.Close();
  return out;
}

std::string NodeJson(const Desk& desk, const std::string& id, const NodeNow& node,
                     const std::vector<std::string>* active_tenants) {
  std::string out;
  api::JsonObject object(out);
  object.Add("node_id", std::string_view(id));
  AddTextOrNull(object, "url", node.node.url);
  object.Add("state", NodeStateName(node.health.state));
  object.Add("reason", std::string_view(node.health.reason));
  object.Add("draining", node.node.draining);
  AddTextOrNull(object, "launched_by", node.node.launched_by);
  AppendTexts(node.node.tenants, object.Key("tenants"));
  object.Add("placed", node.placed);
  if (active_tenants != nullptr) AppendTexts(*active_tenants, object.Key("active_tenants"));
  object.Add("capacity", node.node.capacity);
  AddTextOrNull(object, "version", node.node.version);
  if (node.node.seen_us == 0)
    object.AddNull("seen");
  else
    AddInstant(object, "seen", node.node.seen_us);
  api::JsonObject load(object.Key("load"));
  AddNumber(load, "cpu_percent", node.node.load.cpu_percent);
  AddNumber(load, "memory_percent", node.node.load.memory_percent);
  AddNumber(load, "queue_delay_ms", node.node.load.queue_delay_ms);
  load.Add("queued", node.node.load.queued);
  load.Add("workers", node.node.load.workers);
  load.Close();
  AddProcess(object, desk, id);
  object.Close();
  return out;
}

std::string DecisionJson(const MadeDecision& made) {
  std::string out;
  api::JsonObject object(out);
  object.Add("number", made.number);
  AddInstant(object, "at", made.at_us);
  object.Add("step", FleetStepName(made.decision.step));
  object.Add("nodes_wanted", made.decision.nodes_wanted);
  object.Add("reason", std::string_view(made.decision.reason));
  object.Key("inputs").append(FleetLoadJson(made.load));
  object.Close();
  return out;
}

}  // namespace granary::operation
