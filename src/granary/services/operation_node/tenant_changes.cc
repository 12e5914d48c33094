#include "granary/services/operation_node/tenant_changes.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "granary/security/digest.h"

namespace granary::operation {
namespace {

constexpr std::size_t kNodeIdDigits = 16;
constexpr std::size_t kPlacedAtOnceMax = 100;

metadata::Change TenantChange(const FleetView& now, const std::string& id, const Tenant& tenant) {
  return {std::string(kTenantKind), id, now.VersionOf(kTenantKind, id), TenantBody(tenant)};
}
metadata::Change PlacementChange(const FleetView& now, const std::string& id,
                                 const Placement& placement) {
  return {std::string(kPlacementKind), id, now.VersionOf(kPlacementKind, id),
          PlacementBody(placement)};
}
metadata::Change NodeChange(const FleetView& now, const std::string& id, const Node& node) {
  return {std::string(kNodeKind), id, now.VersionOf(kNodeKind, id), NodeBody(node)};
}

// The nodes of this Operation Node that run, or are to.
std::set<std::string> LaunchedNodes(const Desk& desk, const FleetView& now) {
  std::set<std::string> out;
  for (const auto& [id, placement] : now.placements()) {
    const auto* tenant = now.FindTenant(id);
    if (placement.value.launched_by == desk.id && tenant != nullptr &&
        tenant->value.state == TenantState::kActive)
      out.insert(placement.value.node);
  }
  return out;
}

bool IsOnShared(const FleetView& now, const Placement& placement) {
  const auto* node = now.FindNode(placement.node);
  return node != nullptr && node->value.IsShared();
}

std::uint64_t LaunchedCount(const Desk& desk, const FleetView& now) {
  return LaunchedNodes(desk, now).size();
}

// A node that is not taken for gone and says that it serves the tenant; empty: none.
std::string WhoAnnounces(const Desk& desk, const FleetView& now, const std::string& tenant) {
  for (const auto& [id, row] : now.nodes()) {
    const NodeNow node = LookAtNode(desk, id, row.value, 0);
    if (node.health.state == NodeState::kDead) continue;
    const auto& tenants = node.node.tenants;
    if (std::ranges::find(tenants, tenant) != tenants.end()) return id;
  }
  return {};
}

// Of the node that is launched for the tenant: the row first, so that nobody else can take its name.
// kConflict when somebody has: their key would be believed, and the tenant's requests go there.
Status ClaimLaunched(const Desk& desk, const FleetView& now, const std::string& id,
                     Fleet::Changes& changes) {
  Node node;
  node.key_digest = KeyDigest(desk.key_of(id));
  node.launched_by = desk.id;
  node.capacity = static_cast<std::uint64_t>(desk.config.launch_capacity);
  node.follows = node.capacity > 1;
  const auto* row = now.FindNode(id);
  if (row == nullptr) {
    changes.push_back(NodeChange(now, id, node));
    return Status::Ok();
  }
  if (row->value.key_digest == node.key_digest && row->value.launched_by == desk.id)
    return Status::Ok();
  return {Code::kConflict,
          fmt::format("the id '{}' of the node that would be launched belongs to another node: "
                      "remove that",
                      id)};
}

// A name that no node of the fleet has.
std::string UnusedSharedNode(const Desk& desk, const FleetView& now) {
  for (std::uint64_t number = 1;; ++number) {
    std::string id = LaunchedNodeId(desk.id, fmt::format("shared/{}", number));
    if (now.FindNode(id) == nullptr && now.VersionOf(kNodeKind, id) == 0) return id;
  }
}

// Places the tenant as `choice` says; nothing when it says no node.
Status Place(const Desk& desk, const FleetView& now, const std::string& tenant,
             const PlacementChoice& choice, Fleet::Changes& changes) {
  if (choice.kind == PlacementChoice::Kind::kNone) return Status::Ok();
  const auto* before = now.FindPlacement(tenant);
  Placement placement{.node = choice.node,
                      .launched_by = {},
                      .reason = choice.reason,
                      .since_us = desk.clock.WallMicros(),
                      .turn = before == nullptr ? 0 : before->value.turn + 1};
  if (const auto* row = now.FindNode(choice.node)) placement.launched_by = row->value.launched_by;
  if (choice.kind == PlacementChoice::Kind::kLaunch) {
    placement.node = desk.config.launch_capacity > 1 ? UnusedSharedNode(desk, now)
                                                     : LaunchedNodeId(desk.id, tenant);
    placement.launched_by = desk.id;
    GRANARY_TRY(ClaimLaunched(desk, now, placement.node, changes));
  }
  changes.push_back(PlacementChange(now, tenant, placement));
  return Status::Ok();
}

// The tenants that some node says it has.
std::set<std::string> NamedTenants(const Desk& desk, const FleetView& now) {
  std::set<std::string> out;
  for (const auto& [id, row] : now.nodes()) {
    const NodeNow node = LookAtNode(desk, id, row.value, 0);
    out.insert(node.node.tenants.begin(), node.node.tenants.end());
  }
  return out;
}

// Whether a tenant that no node has would be placed.
bool HasRoomForAny(const Desk& desk, const FleetView& now) {
  return ChooseNode(desk, now, /*tenant=*/"", /*wished=*/"").kind != PlacementChoice::Kind::kNone;
}

bool IsSame(const FleetView& now, const NewTenant& wish, const Tenant& found) {
  const auto* quota = now.FindQuota(wish.id);
  const auto* placement = now.FindPlacement(wish.id);
  const bool same_node =
      wish.node.empty() || (placement != nullptr && placement->value.node == wish.node);
  const bool same_quota = !wish.quota || *wish.quota == (quota == nullptr ? Quota() : quota->value);
  return found.state != TenantState::kDeleting && found.name == wish.name && same_node &&
         same_quota;
}

Result<Tenant> NeedLasting(const FleetView& now, const std::string& id) {
  GRANARY_ASSIGN(const Kept<Tenant>* found, NeedTenant(now, id));
  if (found->value.state != TenantState::kDeleting) return found->value;
  return Status(Code::kConflict, fmt::format("the tenant '{}' is being deleted", id));
}

}  // namespace

std::string LaunchedNodeId(const std::string& operation_node, const std::string& tenant) {
  return "node-" +
         security::Hex(security::Sha256(operation_node + "/" + tenant)).substr(0, kNodeIdDigits);
}

std::string KeyDigest(const std::string& key) { return security::Hex(security::Sha256(key)); }

Result<const Kept<Tenant>*> NeedTenant(const FleetView& now, const std::string& tenant) {
  GRANARY_TRY(now.CheckTenant(tenant));
  const Kept<Tenant>* found = now.FindTenant(tenant);
  if (found != nullptr) return found;
  return Status(Code::kNotFound, fmt::format("there is no tenant '{}'", tenant.substr(0, 128)));
}

PlacementChoice ChooseNode(const Desk& desk, const FleetView& now, const std::string& tenant,
                           const std::string& wished) {
  const auto placed = now.PlacedCounts();
  std::vector<PlacementCandidate> candidates;
  for (const auto& [id, row] : now.nodes()) {
    const auto count = placed.find(id);
    const NodeNow node = LookAtNode(desk, id, row.value, count == placed.end() ? 0 : count->second);
    const auto& tenants = node.node.tenants;
    const auto unplaced =
        static_cast<std::uint64_t>(std::ranges::count_if(tenants, [&](const std::string& named) {
          const auto* placement = now.FindPlacement(named);
          return placement == nullptr || placement->value.node != id;
        }));
    const bool is_ours = node.node.launched_by == desk.id && node.node.IsShared();
    candidates.push_back({.node = id,
                          .state = node.health.state,
                          .draining = node.node.draining,
                          .has_tenant = std::ranges::find(tenants, tenant) != tenants.end(),
                          .is_launched = !node.node.launched_by.empty() && !is_ours,
                          .may_start = is_ours,
                          // What it serves though nobody placed it there takes room, too.
                          .placed = node.placed + unplaced,
                          .capacity = node.node.capacity,
                          .cpu_percent = node.node.load.cpu_percent});
  }
  PlacementWish wish{.tenant = tenant, .node = wished};
  wish.may_launch =
      desk.may_launch() &&
      LaunchedCount(desk, now) < static_cast<std::uint64_t>(desk.config.max_launched_nodes);
  if (!wish.may_launch) {
    wish.why_no_launch = fmt::format("{} run, MAX_LAUNCHED_NODES is {}", LaunchedCount(desk, now),
                                     desk.config.max_launched_nodes);
  }
  return PickNode(candidates, wish);
}

Result<Fleet::Changes> DecideCreate(const Desk& desk, const FleetView& now, const NewTenant& wish) {
  Fleet::Changes changes;
  GRANARY_TRY(now.CheckTenant(wish.id));
  if (const auto* found = now.FindTenant(wish.id)) {
    if (IsSame(now, wish, found->value)) return changes;
    return Status(Code::kConflict,
                  fmt::format("the tenant '{}' is there already, and is {}", wish.id,
                              found->value.state == TenantState::kDeleting ? "being deleted"
                                                                           : "set up otherwise"));
  }
  if (now.tenants().size() >= static_cast<std::size_t>(desk.config.max_tenants)) {
    return Status(Code::kQuotaExceeded, fmt::format("there are {} tenants: MAX_TENANTS is {}",
                                                    now.tenants().size(), desk.config.max_tenants));
  }
  const PlacementChoice choice = ChooseNode(desk, now, wish.id, wish.node);
  if (choice.kind == PlacementChoice::Kind::kNone && !wish.node.empty())
    return Status(Code::kConflict, choice.reason);
  const std::int64_t now_us = desk.clock.WallMicros();
  changes.push_back(
      TenantChange(now, wish.id, {.name = wish.name, .created_us = now_us, .changed_us = now_us}));
  if (wish.quota) {
    changes.push_back({std::string(kQuotaKind), wish.id, now.VersionOf(kQuotaKind, wish.id),
                       QuotaBody(*wish.quota)});
  }
  GRANARY_TRY(Place(desk, now, wish.id, choice, changes));
  return changes;
}

Result<Fleet::Changes> DecideSuspend(const Desk& desk, const FleetView& now,
                                     const std::string& id) {
  GRANARY_ASSIGN(Tenant tenant, NeedLasting(now, id));
  if (tenant.state == TenantState::kSuspended) return Fleet::Changes();
  tenant.state = TenantState::kSuspended;
  tenant.changed_us = desk.clock.WallMicros();
  return Fleet::Changes{TenantChange(now, id, tenant)};
}

Result<Fleet::Changes> DecideResume(const Desk& desk, const FleetView& now, const std::string& id) {
  GRANARY_ASSIGN(Tenant tenant, NeedLasting(now, id));
  if (tenant.state == TenantState::kActive) return Fleet::Changes();
  const auto* placement = now.FindPlacement(id);
  if (placement != nullptr && placement->value.launched_by == desk.id &&
      !LaunchedNodes(desk, now).contains(placement->value.node) &&
      LaunchedCount(desk, now) >= static_cast<std::uint64_t>(desk.config.max_launched_nodes)) {
    return Status(Code::kQuotaExceeded,
                  fmt::format("{} launched nodes run: MAX_LAUNCHED_NODES is {}",
                              LaunchedCount(desk, now), desk.config.max_launched_nodes));
  }
  tenant.state = TenantState::kActive;
  tenant.changed_us = desk.clock.WallMicros();
  Fleet::Changes changes{TenantChange(now, id, tenant)};
  if (placement == nullptr)
    GRANARY_TRY(Place(desk, now, id, ChooseNode(desk, now, id, ""), changes));
  return changes;
}

Result<Fleet::Changes> DecideMove(const Desk& desk, const FleetView& now, const std::string& id,
                                  const Move& move) {
  GRANARY_TRY(NeedLasting(now, id).status());
  const auto* before = now.FindPlacement(id);
  Fleet::Changes changes;
  if (before != nullptr && !before->value.launched_by.empty() && move.node.empty() &&
      IsOnShared(now, before->value)) {
    return Status(Code::kConflict,
                  fmt::format("the tenant '{}' shares the node that was launched for it with "
                              "others, which would begin anew with it",
                              id));
  }
  if (before != nullptr && !before->value.launched_by.empty() && move.node.empty()) {
    // Its data is in a folder of that machine, so its node can only begin anew there.
    Placement placement = before->value;
    placement.reason = "it was asked to move, and its node began anew";
    placement.since_us = desk.clock.WallMicros();
    ++placement.turn;
    changes.push_back(PlacementChange(now, id, placement));
    return changes;
  }
  if (before != nullptr && before->value.node == move.node) return changes;
  // Nobody would remember the folder, and the next tenant of that id would find it.
  if (before != nullptr && !before->value.launched_by.empty()) {
    return Status(Code::kConflict,
                  fmt::format("the data of the tenant '{}' is in the folder of the node that was "
                              "launched for it, and a move carries none: delete the tenant with "
                              "keep_data=true, bring the data to the node '{}', and create the "
                              "tenant there",
                              id, move.node));
  }
  const PlacementChoice choice = ChooseNode(desk, now, id, move.node);
  if (choice.kind != PlacementChoice::Kind::kNode ||
      (before != nullptr && choice.node == before->value.node)) {
    return Status(Code::kConflict,
                  move.node.empty() ? "no other node has the tenant's data, and a move carries none"
                                    : choice.reason);
  }
  const auto& tenants = now.FindNode(choice.node)->value.tenants;
  const bool has_it = std::ranges::find(tenants, id) != tenants.end();
  if (before != nullptr && !has_it && !move.without_data) {
    return Status(
        Code::kConflict,
        fmt::format("the node '{}' does not serve the tenant '{}', and a move carries no data: "
                    "bring the data there first, or say \"without_data\": true to begin empty",
                    choice.node, id));
  }
  GRANARY_TRY(Place(desk, now, id, choice, changes));
  return changes;
}

Result<Fleet::Changes> DecideDelete(const Desk& desk, const FleetView& now, const std::string& id,
                                    bool keeps_data) {
  GRANARY_ASSIGN(const Kept<Tenant>* found, NeedTenant(now, id));
  const auto* placement = now.FindPlacement(id);
  const bool is_launched = placement != nullptr && !placement->value.launched_by.empty();
  const bool lasts = found->value.state != TenantState::kDeleting;
  // A node with many is told to let go of it, and says when it has.
  const bool is_shared = placement != nullptr && IsOnShared(now, placement->value);
  if (is_shared && is_launched && keeps_data) {
    return Status(Code::kConflict,
                  fmt::format("the tenant '{}' shares a node that was launched, and nobody would "
                              "know any more where its data is: copy it first",
                              id));
  }
  if (const std::string node =
          is_launched || is_shared || !lasts ? "" : WhoAnnounces(desk, now, id);
      desk.config.adopt_tenants && !node.empty()) {
    return Status(Code::kConflict,
                  fmt::format("the node '{}' announces the tenant '{}', which would be adopted "
                              "again at its next heartbeat (ADOPT_TENANTS): stop the node first",
                              node, id));
  }
  if (is_launched || is_shared || !lasts || (desk.tells_others && !keeps_data)) {
    Tenant tenant = found->value;
    if (tenant.state == TenantState::kDeleting) {
      if (tenant.keeps_data == keeps_data) return Fleet::Changes();
      return Status(Code::kConflict,
                    fmt::format("the tenant '{}' is being deleted, and its data {}", id,
                                tenant.keeps_data ? "kept (keep_data=true)" : "with it"));
    }
    tenant.state = TenantState::kDeleting;
    tenant.keeps_data = keeps_data;
    tenant.changed_us = desk.clock.WallMicros();
    return Fleet::Changes{TenantChange(now, id, tenant)};
  }
  Fleet::Changes changes{{std::string(kTenantKind), id, found->version, std::nullopt}};
  if (placement != nullptr)
    changes.push_back({std::string(kPlacementKind), id, placement->version, std::nullopt});
  if (const auto* quota = now.FindQuota(id))
    changes.push_back({std::string(kQuotaKind), id, quota->version, std::nullopt});
  return changes;
}

Result<Fleet::Changes> DecideQuota(const FleetView& now, const std::string& id,
                                   const Quota& quota) {
  GRANARY_TRY(NeedLasting(now, id).status());
  const auto* before = now.FindQuota(id);
  if (before != nullptr && before->value == quota) return Fleet::Changes();
  return Fleet::Changes{
      {std::string(kQuotaKind), id, now.VersionOf(kQuotaKind, id), QuotaBody(quota)}};
}

bool IsWaiting(const FleetView& view, const std::string& id, const Tenant& tenant) {
  return tenant.state == TenantState::kActive && view.FindPlacement(id) == nullptr &&
         view.CheckTenant(id).ok();
}

Result<Fleet::Changes> DecideWaiting(const Desk& desk, const FleetView& now) {
  Fleet::Changes changes;
  FleetView then = now;  // With those that were placed so far.
  const std::set<std::string> named = NamedTenants(desk, now);
  bool has_room = HasRoomForAny(desk, then);
  std::size_t placed = 0;
  for (const auto& [id, tenant] : now.tenants()) {
    if (!IsWaiting(now, id, tenant.value)) continue;
    if (!has_room && !named.contains(id)) continue;
    Fleet::Changes more;
    // One whose node's id is taken waits on, and nobody else for it.
    if (!Place(desk, then, id, ChooseNode(desk, then, id, ""), more).ok() || more.empty()) continue;
    then.Apply(more, now.version() + 1);
    changes.insert(changes.end(), more.begin(), more.end());
    if (++placed == kPlacedAtOnceMax) break;
    has_room = HasRoomForAny(desk, then);
  }
  return changes;
}

}  // namespace granary::operation
