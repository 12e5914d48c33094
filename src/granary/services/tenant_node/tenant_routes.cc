#include "granary/api/response_json.h"
#include "granary/hosting/responses.h"
#include "granary/services/tenant_node/gateway_guard.h"
#include "granary/services/tenant_node/routes.h"

namespace granary::services {
namespace {

Result<net::HttpResponse> StatsOfTenant(NodeState& state, hosting::RouteCall& call) {
  GRANARY_TRY(RightsOf(call).NeedEverywhere(security::Verb::kRead));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  return hosting::JsonResponse(api::TenantStatsJson(tenant->Stats()));
}

}  // namespace

void AddTenantRoutes(NodeState& state, hosting::Router& router) {
  const auto bind = [&state](auto handler) {
    return [&state, handler](hosting::RouteCall& call) { return handler(state, call); };
  };
  router.Add({.method = "GET", .pattern = "/tenant/stats", .handler = bind(StatsOfTenant)});
}

}  // namespace granary::services
