#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/hosting/responses.h"
#include "granary/services/operation_node/audited.h"
#include "granary/services/operation_node/bodies.h"
#include "granary/services/operation_node/node_changes.h"
#include "granary/services/operation_node/routes.h"

namespace granary::operation {
namespace {

using hosting::JsonResponse;
using hosting::RouteCall;

// Whether the last state that was seen has all of the beat.
bool IsWrittenDown(const Desk& desk, const FleetView* view, const std::string& id,
                   const Heartbeat& beat) {
  if (view == nullptr || view->FindNode(id) == nullptr) return false;
  const auto needed = DecideHeartbeat(desk, *view, id, beat);
  return needed.ok() && needed->empty();
}

// Tenants that the beat brought along, and nobody had created.
void NoteAdopted(Desk& desk, const RouteCall& call, const FleetView* before, const FleetView& after,
                 const Heartbeat& beat) {
  for (const std::string& tenant : beat.tenants) {
    const auto* row = after.FindTenant(tenant);
    const bool was_there = before == nullptr || before->FindTenant(tenant) != nullptr;
    if (row != nullptr && !was_there) NoteDone(desk, call, "tenant.adopt", tenant, beat.url);
  }
}

// A node that is known is heard before anything is written down, and whether it can be or not: it
// is where it says that it is, and a store that is away does not change that.
Result<net::HttpResponse> Beat(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const std::string id, PathIdentifier(call));
  GRANARY_ASSIGN(const Heartbeat beat, ParseHeartbeat(call.request.body));
  GRANARY_TRY(CheckFits(beat));
  const Heard heard{beat.url,      beat.tenants, beat.follows, beat.gone,
                    beat.capacity, beat.version, beat.load};
  FleetViewPtr view = desk.fleet.Last();
  const bool is_known =
      view != nullptr && view->FindNode(id) != nullptr && CheckKey(*view, id, beat).ok();
  if (is_known) desk.book.Hear(id, heard);
  if (!IsWrittenDown(desk, view.get(), id, beat)) {
    // Whose key it is may have changed since: a refusal is one of what the store holds now.
    Result<FleetViewPtr> after = desk.fleet.Change(
        [&](const FleetView& now) { return DecideHeartbeat(desk, now, id, beat); },
        call.request.cancel.deadline_ns());
    const bool is_late = !after.ok() && (after.status().code() == Code::kUnavailable ||
                                         after.status().code() == Code::kDiskFull);
    if (!after.ok() && !(is_known && is_late)) return after.status();
    if (after.ok()) {
      NoteAdopted(desk, call, view.get(), **after, beat);
      view = after.Take();
    }
    if (!is_known) {
      desk.log.Info("a node registered", {{"node", id}, {"url", beat.url}});
      NoteDone(desk, call, "node.register", id, beat.url);
      desk.book.Hear(id, heard);
    }
  }
  return JsonResponse(HeartbeatAnswer(*view, id, desk.config.heartbeat_seconds));
}

// By node: the active tenants that are placed there.
using ActiveTenants = std::map<std::string, std::vector<std::string>, std::less<>>;

ActiveTenants ActiveTenantsOf(const FleetView& view) {
  ActiveTenants out;
  for (const auto& [tenant, placement] : view.placements()) {
    const auto* row = view.FindTenant(tenant);
    if (row != nullptr && row->value.state == TenantState::kActive)
      out[placement.value.node].push_back(tenant);
  }
  return out;
}

Result<bool> WantsActiveTenants(const net::HttpRequest& request) {
  const std::string_view wanted = request.QueryParameter("active_tenants").value_or("false");
  if (wanted == "true" || wanted == "false") return wanted == "true";
  return Status(Code::kInvalidArgument,
                fmt::format("active_tenants is '{}', allowed: true, false", wanted.substr(0, 64)));
}

Result<net::HttpResponse> ListNodes(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const PageRequest page, ParsePage(call.request));
  GRANARY_ASSIGN(const bool wants_tenants, WantsActiveTenants(call.request));
  GRANARY_ASSIGN(const Fleet::Seen seen, desk.fleet.Look(call.request.cancel.deadline_ns()));
  const auto counts = seen.view->PlacedCounts();
  const ActiveTenants active = wants_tenants ? ActiveTenantsOf(*seen.view) : ActiveTenants();
  return SeenResponse(
      seen, PageJson("nodes", seen.view->nodes(), page,
                     [&](const std::string& id, const Kept<Node>& row) {
                       const auto count = counts.find(id);
                       const NodeNow now = LookAtNode(desk, id, row.value,
                                                      count == counts.end() ? 0 : count->second);
                       const auto tenants = active.find(id);
                       static const std::vector<std::string> kNobody;
                       return NodeJson(desk, id, now,
                                       !wants_tenants            ? nullptr
                                       : tenants == active.end() ? &kNobody
                                                                 : &tenants->second);
                     }));
}

std::string OneNodeJson(const Desk& desk, const FleetView& view, const std::string& id,
                        const Node& row) {
  const auto counts = view.PlacedCounts();
  const auto count = counts.find(id);
  return NodeJson(desk, id, LookAtNode(desk, id, row, count == counts.end() ? 0 : count->second));
}

Result<net::HttpResponse> GetNode(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const std::string id, PathIdentifier(call));
  GRANARY_ASSIGN(const Fleet::Seen seen, desk.fleet.Look(call.request.cancel.deadline_ns()));
  GRANARY_ASSIGN(const Kept<Node>* row, NeedNode(*seen.view, id));
  return SeenResponse(seen, OneNodeJson(desk, *seen.view, id, row->value));
}

Result<net::HttpResponse> SetDraining(Desk& desk, RouteCall& call, bool draining) {
  GRANARY_ASSIGN(const std::string id, PathIdentifier(call));
  if (!call.request.body.empty() && call.request.body != "{}")
    return Status(Code::kInvalidRequest, "this request has no body");
  return Audited(
      desk, call, draining ? "node.drain" : "node.resume", id, [&]() -> Result<net::HttpResponse> {
        GRANARY_ASSIGN(const FleetViewPtr after,
                       desk.fleet.Change(
                           [&](const FleetView& now) { return DecideDraining(now, id, draining); },
                           call.request.cancel.deadline_ns()));
        GRANARY_ASSIGN(const Kept<Node>* row, NeedNode(*after, id));
        return JsonResponse(OneNodeJson(desk, *after, id, row->value));
      });
}

Result<net::HttpResponse> Drain(Desk& desk, RouteCall& call) {
  return SetDraining(desk, call, /*draining=*/true);
}
Result<net::HttpResponse> Undrain(Desk& desk, RouteCall& call) {
  return SetDraining(desk, call, /*draining=*/false);
}

Result<net::HttpResponse> RemoveNode(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const std::string id, PathIdentifier(call));
  return Audited(desk, call, "node.remove", id, [&]() -> Result<net::HttpResponse> {
    GRANARY_TRY(desk.fleet
                    .Change([&](const FleetView& now) { return DecideRemoval(desk, now, id); },
                            call.request.cancel.deadline_ns())
                    .status());
    desk.book.Forget(id);
    return JsonResponse("", 204);
  });
}

}  // namespace

void AddNodeRoutes(const FindDesk& find, hosting::Router& router) {
  const auto add = [&](std::string method, std::string pattern, DeskHandler handler,
                       std::vector<std::string> query = {}) {
    AddDeskRoute(find,
                 {.method = std::move(method),
                  .pattern = std::move(pattern),
                  .handler = {},
                  .query = std::move(query)},
                 std::move(handler), router);
  };
  add("GET", "/nodes", ListNodes, {"limit", "cursor", "active_tenants"});
  add("GET", "/nodes/{node_id}", GetNode);
  add("PUT", "/nodes/{node_id}", Beat);
  add("DELETE", "/nodes/{node_id}", RemoveNode);
  add("POST", "/nodes/{node_id}/drain", Drain);
  add("POST", "/nodes/{node_id}/resume", Undrain);
}

}  // namespace granary::operation
