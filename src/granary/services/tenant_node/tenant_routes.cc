#include "granary/api/json_object.h"
#include "granary/api/response_json.h"
#include "granary/base/append_format.h"
#include "granary/services/tenant_node/openapi_document.h"
#include "granary/services/tenant_node/responses.h"
#include "granary/services/tenant_node/routes.h"

namespace granary::services {
namespace {

net::HttpResponse Healthy(const NodeState& state) {
  const double uptime_seconds =
      static_cast<double>(state.clock.MonotonicNanos() - state.started_ns) / 1e9;
  std::string body;
  api::JsonObject object(body);
  object.Add("status", "ok");
  object.Add("tenant_id", state.config.tenant_id);
  object.Add("tenant_name", state.config.tenant_name);
  object.Add("version", NodeVersion());
  AppendFormat(object.Key("uptime_seconds"), "{:.3f}", uptime_seconds);
  object.Close();
  return JsonResponse(std::move(body));
}

Result<net::HttpResponse> Ready(NodeState& state, RouteCall&) {
  GRANARY_TRY(state.tenant.Get().status());
  return Healthy(state);
}

Result<net::HttpResponse> Live(NodeState& state, RouteCall&) { return Healthy(state); }

Result<net::HttpResponse> OpenApi(NodeState&, RouteCall&) {
  return JsonResponse(std::string(OpenApiDocument()));
}

Result<net::HttpResponse> StatsOfTenant(NodeState& state, RouteCall&) {
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, state.tenant.Get());
  return JsonResponse(api::TenantStatsJson(tenant->Stats()));
}

}  // namespace

void AddTenantRoutes(NodeState& state, Router& router) {
  const auto bind = [&state](auto handler) {
    return [&state, handler](RouteCall& call) { return handler(state, call); };
  };
  router.Add(
      {.method = "GET", .pattern = "/health", .handler = bind(Ready), .needs_access = false});
  router.Add(
      {.method = "GET", .pattern = "/health/ready", .handler = bind(Ready), .needs_access = false});
  router.Add(
      {.method = "GET", .pattern = "/health/live", .handler = bind(Live), .needs_access = false});
  router.Add({.method = "GET",
              .pattern = "/openapi.json",
              .handler = bind(OpenApi),
              .needs_access = false});
  router.Add({.method = "GET", .pattern = "/tenant/stats", .handler = bind(StatsOfTenant)});
}

}  // namespace granary::services
