#include <string>

#include "granary/api/json_object.h"
#include "granary/hosting/responses.h"
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
    if (after.ok()) view = after.Take();
    if (!is_known) {
      desk.log.Info("a node registered", {{"node", id}, {"url", beat.url}});
      desk.book.Hear(id, heard);
    }
  }
  return JsonResponse(HeartbeatAnswer(*view, id, desk.config.heartbeat_seconds));
}

Result<net::HttpResponse> ListNodes(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const PageRequest page, ParsePage(call.request));
  GRANARY_ASSIGN(const Fleet::Seen seen, desk.fleet.Look(call.request.cancel.deadline_ns()));
  const auto counts = seen.view->PlacedCounts();
  return SeenResponse(seen, PageJson("nodes", seen.view->nodes(), page,
                                     [&](const std::string& id, const Kept<Node>& row) {
                                       const auto count = counts.find(id);
                                       return NodeJson(
                                           desk, id,
                                           LookAtNode(desk, id, row.value,
                                                      count == counts.end() ? 0 : count->second));
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
  GRANARY_ASSIGN(
      const FleetViewPtr after,
      desk.fleet.Change([&](const FleetView& now) { return DecideDraining(now, id, draining); },
                        call.request.cancel.deadline_ns()));
  GRANARY_ASSIGN(const Kept<Node>* row, NeedNode(*after, id));
  return JsonResponse(OneNodeJson(desk, *after, id, row->value));
}

Result<net::HttpResponse> Drain(Desk& desk, RouteCall& call) {
  return SetDraining(desk, call, /*draining=*/true);
}
Result<net::HttpResponse> Undrain(Desk& desk, RouteCall& call) {
  return SetDraining(desk, call, /*draining=*/false);
}

Result<net::HttpResponse> RemoveNode(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const std::string id, PathIdentifier(call));
  GRANARY_TRY(desk.fleet
                  .Change([&](const FleetView& now) { return DecideRemoval(desk, now, id); },
                          call.request.cancel.deadline_ns())
                  .status());
  desk.book.Forget(id);
  return JsonResponse("", 204);
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
  add("GET", "/nodes", ListNodes, {"limit", "cursor"});
  add("GET", "/nodes/{node_id}", GetNode);
  add("PUT", "/nodes/{node_id}", Beat);
  add("DELETE", "/nodes/{node_id}", RemoveNode);
  add("POST", "/nodes/{node_id}/drain", Drain);
  add("POST", "/nodes/{node_id}/resume", Undrain);
}

}  // namespace granary::operation
