// GET /queries and DELETE /queries/{id}.
#include "granary/api/response_json.h"
#include "granary/hosting/responses.h"
#include "granary/services/tenant_node/gateway_guard.h"
#include "granary/services/tenant_node/routes.h"

namespace granary::services {
namespace {

Result<net::HttpResponse> List(NodeState& state, hosting::RouteCall& call) {
  GRANARY_TRY(RightsOf(call).NeedEverywhere(security::Verb::kAdmin));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, OpenTenantOf(state, call));
  return hosting::JsonResponse(
      api::QueriesJson(tenant == nullptr ? std::vector<RunningQuery>() : tenant->Queries()));
}

Result<net::HttpResponse> Cancel(NodeState& state, hosting::RouteCall& call) {
  GRANARY_TRY(RightsOf(call).NeedEverywhere(security::Verb::kAdmin));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, OpenTenantOf(state, call));
  if (tenant == nullptr) return Status(Code::kNotFound, "no such query runs");
  GRANARY_TRY(tenant->CancelQuery(call.parameters[0]));
  return hosting::JsonResponse("", 204);
}

}  // namespace

// Urgent: whoever wants to end queries must not wait behind them.
void AddQueryRoutes(NodeState& state, hosting::Router& router) {
  const auto bind = [&state](auto handler) {
    return [&state, handler](hosting::RouteCall& call) { return handler(state, call); };
  };
  router.Add({.method = "GET",
              .pattern = "/queries",
              .handler = bind(List),
              .lane = net::HandlerLane::kUrgent});
  router.Add({.method = "DELETE",
              .pattern = "/queries/{id}",
              .handler = bind(Cancel),
              .lane = net::HandlerLane::kUrgent});
}

}  // namespace granary::services
