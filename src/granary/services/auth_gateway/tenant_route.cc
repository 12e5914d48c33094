#include "granary/base/ids.h"
#include "granary/hosting/responses.h"
#include "granary/services/auth_gateway/routes.h"

namespace granary::gateway {
namespace {

// Whoever shows the fleet's secret is no user of this gateway.
constexpr std::string_view kFleet = "operation-node";

Result<net::HttpResponse> EndTenant(GatewayState& state, auth::Authority& authority,
                                    hosting::RouteCall& call) {
  GRANARY_ASSIGN(const TenantId tenant, TenantId::Parse(call.parameters[0]));
  // Whoever gave up waiting asks again; this must not come to a later tenant of that id.
  GRANARY_TRY(call.request.cancel.Check());
  const auth::Identity who{.user_id = std::string(kFleet), .tenant = tenant.str()};
  GRANARY_TRY(authority.EndTenant({who, call.request.peer, call.request.request_id}, tenant.str()));
  state.log.Info("users and keys of a tenant were ended", {{"tenant", tenant.str()}});
  return hosting::JsonResponse("", 204);
}

}  // namespace

void AddTenantRoute(GatewayState& state, hosting::Router& router) {
  router.Add({.method = "DELETE",
              .pattern = "/auth/tenants/{tenant_id}",
              .handler = WithAuthority(state, EndTenant),
              .for_fleet = true,
              .between_services = true});
}

}  // namespace granary::gateway
