// The gateway's own routes, one function a group. `state` outlives the router.
#pragma once

#include "granary/hosting/router.h"
#include "granary/services/auth_gateway/gateway_state.h"

namespace granary::gateway {

void AddSessionRoutes(GatewayState& state, hosting::Router& router);  ///< login … jwks.json, me
void AddUserRoutes(GatewayState& state, hosting::Router& router);  ///< /auth/users…, …/permissions
void AddRoleRoutes(GatewayState& state, hosting::Router& router);  ///< /auth/roles…
void AddKeyRoutes(GatewayState& state, hosting::Router& router);   ///< /auth/keys…
/// POST /auth/node-token: for gRPC, which goes to the node itself.
void AddNodeTokenRoute(GatewayState& state, hosting::Router& router);
void AddAuditRoute(GatewayState& state, hosting::Router& router);  ///< /audit
/// DELETE /auth/tenants/{tenant_id}: for the Operation Node, when a tenant is deleted.
void AddTenantRoute(GatewayState& state, hosting::Router& router);

/// All of them, the node's and those of every service.
hosting::Router MakeRouter(GatewayState& state);

/// Binds a handler of these routes: it gets the authority, once the gateway is open.
template <typename Handler>
hosting::RouteHandler WithAuthority(GatewayState& state, Handler handler) {
  return [&state, handler](hosting::RouteCall& call) -> Result<net::HttpResponse> {
    GRANARY_ASSIGN(const auto authority, state.Authority());
    return handler(state, *authority, call);
  };
}

}  // namespace granary::gateway
