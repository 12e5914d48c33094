#include "granary/hosting/responses.h"
#include "granary/services/auth_gateway/bodies.h"
#include "granary/services/auth_gateway/routes.h"

namespace granary::gateway {
namespace {

using auth::Authority;
using hosting::JsonResponse;
using hosting::RouteCall;

Result<net::HttpResponse> CreateKey(GatewayState& state, Authority& authority, RouteCall& call) {
  GRANARY_ASSIGN(const api::JsonNode node, ReadBody(state, call.request));
  api::ObjectReader body(node, "");
  auth::NewKey key;
  GRANARY_ASSIGN(key.user, body.Text("user_id"));
  GRANARY_ASSIGN(const auto name, body.Text("name"));
  key.name = name.value_or(std::string());
  GRANARY_ASSIGN(key.scope, ReadGrants(body, "scope"));
  GRANARY_ASSIGN(key.expires_us, ReadInstant(body, "expires_at"));
  GRANARY_TRY(body.Finish());
  GRANARY_ASSIGN(const auth::MadeKey made, authority.CreateKey(ActOf(call), key));
  return SecretResponse(MadeKeyJson(made), 201);
}

Result<net::HttpResponse> ListKeys(GatewayState&, Authority& authority, RouteCall& call) {
  GRANARY_ASSIGN(const std::size_t limit, PageRows(call.request));
  GRANARY_ASSIGN(
      const auto keys,
      authority.ListKeys(ActOf(call), TextParameter(call.request, "user_id"),
                         TextParameter(call.request, "after").value_or(std::string()), limit));
  const bool full = keys.size() == limit;
  return JsonResponse(
      PageJson("keys", keys, KeyJson, full ? std::optional(keys.back().id) : std::nullopt));
}

Result<net::HttpResponse> RotateKey(GatewayState& state, Authority& authority, RouteCall& call) {
  std::optional<std::int64_t> grace_s;
  if (!call.request.body.empty()) {
    GRANARY_ASSIGN(const api::JsonNode node, ReadBody(state, call.request));
    api::ObjectReader body(node, "");
    GRANARY_ASSIGN(const auto grace,
                   body.WholeNumber("grace_seconds", 0, auth::kKeyGraceSecondsMax));
    if (grace) grace_s = static_cast<std::int64_t>(*grace);
    GRANARY_TRY(body.Finish());
  }
  GRANARY_ASSIGN(const auth::MadeKey made,
                 authority.RotateKey(ActOf(call), call.parameters[0], grace_s));
  return SecretResponse(MadeKeyJson(made));
}

Result<net::HttpResponse> RevokeKey(GatewayState&, Authority& authority, RouteCall& call) {
  GRANARY_TRY(authority.RevokeKey(ActOf(call), call.parameters[0]));
  return JsonResponse("", 204);
}

}  // namespace

void AddKeyRoutes(GatewayState& state, hosting::Router& router) {
  router.Add(
      {.method = "POST", .pattern = "/auth/keys", .handler = WithAuthority(state, CreateKey)});
  router.Add({.method = "GET",
              .pattern = "/auth/keys",
              .handler = WithAuthority(state, ListKeys),
              .query = {"user_id", "after", "limit"}});
  router.Add({.method = "POST",
              .pattern = "/auth/keys/{id}/rotate",
              .handler = WithAuthority(state, RotateKey)});
  router.Add({.method = "DELETE",
              .pattern = "/auth/keys/{id}",
              .handler = WithAuthority(state, RevokeKey)});
}

}  // namespace granary::gateway
