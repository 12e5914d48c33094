#include <string>

#include <fmt/format.h>

#include "granary/hosting/responses.h"
#include "granary/services/operation_node/audited.h"
#include "granary/services/operation_node/bodies.h"
#include "granary/services/operation_node/routes.h"
#include "granary/services/operation_node/tenant_changes.h"

namespace granary::operation {
namespace {

using hosting::JsonResponse;
using hosting::RouteCall;

// Whoever shows OPERATION_NODE_KEY may be any of several: what is known of them is from where.
void NoteChange(const Desk& desk, const RouteCall& call, const std::string& tenant) {
  desk.log.Info("a tenant was changed", {{"tenant", tenant},
                                         {"method", call.request.method},
                                         {"path", call.request.path},
                                         {"peer", call.request.peer},
                                         {"request_id", call.request.request_id}});
}

// What became of a change: the tenant as it is then.
Result<net::HttpResponse> Changed(Desk& desk, const RouteCall& call, const std::string& id,
                                  const Fleet::DecideFn& decide, int status = 200) {
  bool anything = false;
  GRANARY_ASSIGN(const FleetViewPtr after, desk.fleet.Change(
                                               [&](const FleetView& now) -> Result<Fleet::Changes> {
                                                 GRANARY_ASSIGN(Fleet::Changes changes,
                                                                decide(now));
                                                 anything = !changes.empty();
                                                 return changes;
                                               },
                                               call.request.cancel.deadline_ns()));
  if (anything) {
    desk.keeper.Poke();
    NoteChange(desk, call, id);
  }
  const auto* tenant = after->FindTenant(id);
  if (tenant == nullptr) return JsonResponse("", 204);
  return JsonResponse(TenantJson(desk, *after, id, tenant->value), anything ? status : 200);
}

Result<net::HttpResponse> Create(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const NewTenant wish, ParseNewTenant(call.request.body));
  return Audited(desk, call, "tenant.create", wish.id, [&] {
    return Changed(
        desk, call, wish.id, [&](const FleetView& now) { return DecideCreate(desk, now, wish); },
        201);
  });
}

Result<net::HttpResponse> List(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const PageRequest page, ParsePage(call.request));
  std::optional<TenantState> state;
  if (const auto wanted = call.request.QueryParameter("state")) {
    state = ParseTenantState(*wanted);
    if (!state) {
      return Status(Code::kInvalidArgument,
                    fmt::format("state is '{}', allowed: active, suspended, deleting",
                                wanted->substr(0, 64)));
    }
  }
  GRANARY_ASSIGN(const Fleet::Seen seen, desk.fleet.Look(call.request.cancel.deadline_ns()));
  return SeenResponse(seen, PageJson("tenants", seen.view->tenants(), page,
                                     [&](const std::string& id, const Kept<Tenant>& tenant) {
                                       if (!seen.view->CheckTenant(id).ok() ||
                                           (state && tenant.value.state != *state))
                                         return std::string();
                                       return TenantJson(desk, *seen.view, id, tenant.value);
                                     }));
}

// Of one tenant, whatever `to_json` shows of it.
template <typename ToJson>
Result<net::HttpResponse> Show(Desk& desk, const RouteCall& call, const ToJson& to_json,
                               Result<Fleet::Seen> (Fleet::*look)(Fleet::Deadline) = &Fleet::Look) {
  GRANARY_ASSIGN(const std::string id, PathIdentifier(call));
  GRANARY_ASSIGN(const Fleet::Seen seen, (desk.fleet.*look)(call.request.cancel.deadline_ns()));
  GRANARY_ASSIGN(const Kept<Tenant>* tenant, NeedTenant(*seen.view, id));
  return SeenResponse(seen, to_json(*seen.view, id, tenant->value));
}

Result<net::HttpResponse> Get(Desk& desk, RouteCall& call) {
  return Show(desk, call, [&](const FleetView& view, const std::string& id, const Tenant& tenant) {
    return TenantJson(desk, view, id, tenant);
  });
}

Result<net::HttpResponse> GetPlacement(Desk& desk, RouteCall& call) {
  const Asker asker = call.request.peer_is_loopback ? Asker::kHere : Asker::kElsewhere;
  // Gateways ask for each of their tenants every few seconds.
  return Show(
      desk, call,
      [&](const FleetView& view, const std::string& id, const Tenant& tenant) {
        return PlacementJson(desk, view, id, tenant, asker);
      },
      &Fleet::Recent);
}

Result<net::HttpResponse> GetQuota(Desk& desk, RouteCall& call) {
  return Show(desk, call, [](const FleetView& view, const std::string& id, const Tenant&) {
    const auto* quota = view.FindQuota(id);
    return QuotaJson(id, quota == nullptr ? Quota() : quota->value);
  });
}

Result<net::HttpResponse> PutQuota(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const std::string id, PathIdentifier(call));
  GRANARY_ASSIGN(const Quota quota, ParseQuota(call.request.body));
  return Audited(desk, call, "tenant.quota", id, [&]() -> Result<net::HttpResponse> {
    GRANARY_TRY(desk.fleet
                    .Change([&](const FleetView& now) { return DecideQuota(now, id, quota); },
                            call.request.cancel.deadline_ns())
                    .status());
    desk.keeper.Poke();
    NoteChange(desk, call, id);
    return JsonResponse(QuotaJson(id, quota));
  });
}

Status NeedNoBody(const RouteCall& call) {
  if (call.request.body.empty() || call.request.body == "{}") return Status::Ok();
  return {Code::kInvalidRequest, "this request has no body"};
}

Result<net::HttpResponse> Suspend(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const std::string id, PathIdentifier(call));
  GRANARY_TRY(NeedNoBody(call));
  return Audited(desk, call, "tenant.suspend", id, [&] {
    return Changed(desk, call, id,
                   [&](const FleetView& now) { return DecideSuspend(desk, now, id); });
  });
}

Result<net::HttpResponse> Resume(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const std::string id, PathIdentifier(call));
  GRANARY_TRY(NeedNoBody(call));
  return Audited(desk, call, "tenant.resume", id, [&] {
    return Changed(desk, call, id,
                   [&](const FleetView& now) { return DecideResume(desk, now, id); });
  });
}

Result<net::HttpResponse> MoveIt(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const std::string id, PathIdentifier(call));
  GRANARY_ASSIGN(const Move move, ParseMove(call.request.body));
  return Audited(desk, call, "tenant.move", id, [&] {
    return Changed(desk, call, id,
                   [&](const FleetView& now) { return DecideMove(desk, now, id, move); });
  });
}

Result<net::HttpResponse> Delete(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const std::string id, PathIdentifier(call));
  bool keeps_data = false;
  if (const auto keep = call.request.QueryParameter("keep_data")) {
    if (*keep != "true" && *keep != "false") {
      return Status(Code::kInvalidArgument,
                    fmt::format("keep_data is '{}', allowed: true, false", keep->substr(0, 64)));
    }
    keeps_data = *keep == "true";
  }
  return Audited(desk, call, "tenant.delete", id, [&]() -> Result<net::HttpResponse> {
    GRANARY_ASSIGN(net::HttpResponse response, Changed(desk, call, id, [&](const FleetView& now) {
                     return DecideDelete(desk, now, id, keeps_data);
                   }));
    if (response.status == 200) response.status = 202;  // Once its node has ended.
    return response;
  });
}

}  // namespace

void AddTenantRoutes(const FindDesk& find, hosting::Router& router) {
  const auto add = [&](std::string method, std::string pattern, DeskHandler handler,
                       std::vector<std::string> query = {}) {
    AddDeskRoute(find,
                 {.method = std::move(method),
                  .pattern = std::move(pattern),
                  .handler = {},
                  .query = std::move(query)},
                 std::move(handler), router);
  };
  add("POST", "/tenants", Create);
  add("GET", "/tenants", List, {"limit", "cursor", "state"});
  add("GET", "/tenants/{tenant_id}", Get);
  add("DELETE", "/tenants/{tenant_id}", Delete, {"keep_data"});
  add("POST", "/tenants/{tenant_id}/suspend", Suspend);
  add("POST", "/tenants/{tenant_id}/resume", Resume);
  add("POST", "/tenants/{tenant_id}/move", MoveIt);
  add("GET", "/tenants/{tenant_id}/placement", GetPlacement);
  add("GET", "/tenants/{tenant_id}/quota", GetQuota);
  add("PUT", "/tenants/{tenant_id}/quota", PutQuota);
}

}  // namespace granary::operation
