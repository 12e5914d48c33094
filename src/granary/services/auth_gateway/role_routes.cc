#include "granary/hosting/responses.h"
#include "granary/services/auth_gateway/access.h"
#include "granary/services/auth_gateway/bodies.h"
#include "granary/services/auth_gateway/routes.h"

namespace granary::gateway {
namespace {

using auth::Authority;
using hosting::JsonResponse;
using hosting::RouteCall;

Result<net::HttpResponse> PutRole(GatewayState& state, Authority& authority, RouteCall& call) {
  GRANARY_ASSIGN(const api::JsonNode node, ReadBody(state, call.request));
  api::ObjectReader body(node, "");
  GRANARY_ASSIGN(const auto tenant, body.Text("tenant_id"));
  GRANARY_ASSIGN(auto grants, ReadGrants(body, "grants"));
  if (!grants) return Status::Invalid(Code::kInvalidRequest, "/grants", "is missing");
  GRANARY_TRY(body.Finish());
  GRANARY_TRY(CheckNamedTenant(state, call, tenant));
  GRANARY_ASSIGN(const auth::RoleRow role,
                 authority.PutRole(ActOf(call), tenant, call.parameters[0], std::move(*grants)));
  return JsonResponse(RoleJson(role));
}

Result<net::HttpResponse> ListRoles(GatewayState&, Authority& authority, RouteCall& call) {
  GRANARY_ASSIGN(const auto roles,
                 authority.ListRoles(ActOf(call), TextParameter(call.request, "tenant_id")));
  return JsonResponse(PageJson("roles", roles, RoleJson, std::nullopt));
}

Result<net::HttpResponse> DeleteRole(GatewayState&, Authority& authority, RouteCall& call) {
  GRANARY_TRY(authority.DeleteRole(ActOf(call), TextParameter(call.request, "tenant_id"),
                                   call.parameters[0]));
  return JsonResponse("", 204);
}

}  // namespace

void AddRoleRoutes(GatewayState& state, hosting::Router& router) {
  router.Add({.method = "GET",
              .pattern = "/auth/roles",
              .handler = WithAuthority(state, ListRoles),
              .query = {"tenant_id"}});
  router.Add(
      {.method = "PUT", .pattern = "/auth/roles/{name}", .handler = WithAuthority(state, PutRole)});
  router.Add({.method = "DELETE",
              .pattern = "/auth/roles/{name}",
              .handler = WithAuthority(state, DeleteRole),
              .query = {"tenant_id"}});
}

}  // namespace granary::gateway
