#include "granary/hosting/responses.h"
#include "granary/services/auth_gateway/access.h"
#include "granary/services/auth_gateway/bodies.h"
#include "granary/services/auth_gateway/routes.h"

namespace granary::gateway {
namespace {

using auth::Authority;
using hosting::JsonResponse;
using hosting::RouteCall;

Result<net::HttpResponse> CreateUser(GatewayState& state, Authority& authority, RouteCall& call) {
  GRANARY_ASSIGN(const api::JsonNode node, ReadBody(state, call.request));
  api::ObjectReader body(node, "");
  auth::NewUser user;
  GRANARY_ASSIGN(user.tenant, body.Text("tenant_id"));
  GRANARY_ASSIGN(user.name, body.RequiredText("username"));
  GRANARY_ASSIGN(user.password, body.Text("password"));
  GRANARY_ASSIGN(user.roles, body.Texts("roles"));
  GRANARY_TRY(body.Finish());
  GRANARY_TRY(CheckNamedTenant(state, call, user.tenant));
  GRANARY_ASSIGN(const auth::UserRow made, authority.CreateUser(ActOf(call), user));
  net::HttpResponse response = JsonResponse(UserJson(made), 201);
  response.headers.Set("Location", "/auth/users/" + made.id);
  return response;
}

Result<net::HttpResponse> ListUsers(GatewayState&, Authority& authority, RouteCall& call) {
  GRANARY_ASSIGN(const std::size_t limit, PageRows(call.request));
  const auto after = TextParameter(call.request, "after").value_or(std::string());
  GRANARY_ASSIGN(
      const auto users,
      authority.ListUsers(ActOf(call), TextParameter(call.request, "tenant_id"), after, limit));
  const bool full = users.size() == limit;
  return JsonResponse(
      PageJson("users", users, UserJson, full ? std::optional(users.back().name) : std::nullopt));
}

Result<net::HttpResponse> ShowUser(GatewayState&, Authority& authority, RouteCall& call) {
  GRANARY_ASSIGN(const auth::UserRow user, authority.GetUser(ActOf(call), call.parameters[0]));
  return JsonResponse(UserJson(user));
}

Result<net::HttpResponse> ChangeUser(GatewayState& state, Authority& authority, RouteCall& call) {
  GRANARY_ASSIGN(const api::JsonNode node, ReadBody(state, call.request));
  api::ObjectReader body(node, "");
  auth::UserChange change;
  GRANARY_ASSIGN(change.password, body.Text("password"));
  GRANARY_ASSIGN(change.current_password, body.Text("current_password"));
  GRANARY_ASSIGN(change.roles, body.OptionalTexts("roles"));
  GRANARY_ASSIGN(change.disabled, body.Boolean("disabled"));
  GRANARY_TRY(body.Finish());
  std::int64_t wait_s = 0;
  const auto user = authority.ChangeUser(ActOf(call), call.parameters[0], change, wait_s);
  AddLoginWait(call, wait_s);
  GRANARY_TRY(user.status());
  return JsonResponse(UserJson(*user));
}

Result<net::HttpResponse> DeleteUser(GatewayState&, Authority& authority, RouteCall& call) {
  GRANARY_TRY(authority.DeleteUser(ActOf(call), call.parameters[0]));
  return JsonResponse("", 204);
}

Result<net::HttpResponse> Permissions(GatewayState&, Authority& authority, RouteCall& call) {
  GRANARY_ASSIGN(const auto grants, authority.PermissionsOf(ActOf(call), call.parameters[0]));
  std::string out;
  api::JsonObject object(out);
  object.Add("user_id", call.parameters[0]);
  AppendGrants(grants, object.Key("grants"));
  object.Close();
  return JsonResponse(std::move(out));
}

}  // namespace

void AddUserRoutes(GatewayState& state, hosting::Router& router) {
  constexpr auto kPatient = net::HandlerLane::kPatient;  // For a password's turn.
  // An administrator registers somebody; the open door that the name may suggest there is not.
  for (const char* pattern : {"/auth/users", "/auth/register"}) {
    router.Add({.method = "POST",
                .pattern = pattern,
                .handler = WithAuthority(state, CreateUser),
                .lane = kPatient});
  }
  router.Add({.method = "GET",
              .pattern = "/auth/users",
              .handler = WithAuthority(state, ListUsers),
              .query = {"tenant_id", "after", "limit"}});
  router.Add(
      {.method = "GET", .pattern = "/auth/users/{id}", .handler = WithAuthority(state, ShowUser)});
  router.Add({.method = "PATCH",
              .pattern = "/auth/users/{id}",
              .handler = WithAuthority(state, ChangeUser),
              .lane = kPatient});
  router.Add({.method = "DELETE",
              .pattern = "/auth/users/{id}",
              .handler = WithAuthority(state, DeleteUser)});
  router.Add({.method = "GET",
              .pattern = "/auth/permissions/{id}",
              .handler = WithAuthority(state, Permissions)});
}

}  // namespace granary::gateway
