#include "granary/hosting/responses.h"
#include "granary/services/auth_gateway/access.h"
#include "granary/services/auth_gateway/bodies.h"
#include "granary/services/auth_gateway/routes.h"

namespace granary::gateway {
namespace {

using auth::Authority;
using hosting::JsonResponse;
using hosting::RouteCall;

Result<net::HttpResponse> LogIn(GatewayState& state, Authority& authority, RouteCall& call) {
  GRANARY_ASSIGN(const api::JsonNode node, ReadBody(state, call.request));
  api::ObjectReader body(node, "");
  auth::Login login{.tenant = {},
                    .name = {},
                    .password = {},
                    .address = call.request.peer,
                    .request_id = call.request.request_id};
  GRANARY_ASSIGN(login.tenant, body.Text("tenant_id"));
  GRANARY_ASSIGN(login.name, body.RequiredText("username"));
  GRANARY_ASSIGN(login.password, body.RequiredText("password"));
  GRANARY_TRY(body.Finish());
  std::int64_t wait_s = 0;
  const auto tokens = authority.LogIn(login, wait_s);
  if (!tokens.ok()) {
    state.refused_logins.Add(1);
    AddLoginWait(call, wait_s);
    return tokens.status();
  }
  state.logins.Add(1);
  return SecretResponse(TokensJson(*tokens));
}

Result<net::HttpResponse> Refresh(GatewayState& state, Authority& authority, RouteCall& call) {
  GRANARY_ASSIGN(const api::JsonNode node, ReadBody(state, call.request));
  api::ObjectReader body(node, "");
  GRANARY_ASSIGN(const std::string token, body.RequiredText("refresh_token"));
  GRANARY_TRY(body.Finish());
  GRANARY_ASSIGN(const auth::TokenPair tokens,
                 authority.Refresh(token, call.request.peer, call.request.request_id));
  return SecretResponse(TokensJson(tokens));
}

Result<net::HttpResponse> LogOut(GatewayState&, Authority& authority, RouteCall& call) {
  GRANARY_TRY(authority.LogOut(ActOf(call)));
  return JsonResponse("", 204);
}

// As RFC 7662: whoever asks is known, and learns of another one's token only within the tenant.
Result<net::HttpResponse> Validate(GatewayState& state, Authority& authority, RouteCall& call) {
  std::string token;
  if (call.request.body.empty()) {
    GRANARY_ASSIGN(token, CredentialOf(call.request));
  } else {
    GRANARY_ASSIGN(const api::JsonNode node, ReadBody(state, call.request));
    api::ObjectReader body(node, "");
    GRANARY_ASSIGN(token, body.RequiredText("token"));
    GRANARY_TRY(body.Finish());
  }
  const auto who = authority.Authenticate(token);
  const auth::Identity& asks = IdentityOf(call);
  std::string out;
  api::JsonObject object(out);
  const bool active = who.ok() && (who->tenant == asks.tenant || asks.is_operator);
  if (!active && !who.ok() && who.status().code() != Code::kUnauthenticated) return who.status();
  object.Add("active", active);
  if (active) object.Key("identity").append(IdentityJson(*who));
  object.Close();
  return SecretResponse(std::move(out));
}

Result<net::HttpResponse> Me(GatewayState&, Authority&, RouteCall& call) {
  return JsonResponse(IdentityJson(IdentityOf(call)));
}

Result<net::HttpResponse> Jwks(GatewayState&, Authority& authority, RouteCall&) {
  net::HttpResponse response = JsonResponse(authority.Jwks());
  response.content_type = "application/jwk-set+json";
  response.headers.Set("Cache-Control", "max-age=60");
  return response;
}

}  // namespace

// Patient where a password is hashed: it may wait for its turn.
void AddSessionRoutes(GatewayState& state, hosting::Router& router) {
  router.Add({.method = "POST",
              .pattern = "/auth/login",
              .handler = WithAuthority(state, LogIn),
              .lane = net::HandlerLane::kPatient});
  router.Add(
      {.method = "POST", .pattern = "/auth/refresh", .handler = WithAuthority(state, Refresh)});
  router.Add(
      {.method = "POST", .pattern = "/auth/logout", .handler = WithAuthority(state, LogOut)});
  router.Add(
      {.method = "POST", .pattern = "/auth/validate", .handler = WithAuthority(state, Validate)});
  router.Add({.method = "GET", .pattern = "/auth/me", .handler = WithAuthority(state, Me)});
  router.Add(
      {.method = "GET", .pattern = "/auth/jwks.json", .handler = WithAuthority(state, Jwks)});
}

}  // namespace granary::gateway
