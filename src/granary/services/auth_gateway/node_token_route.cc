// Tokens for gRPC. A gRPC client speaks to the node of its tenant itself: what it needs of the
// gateway is where that is, and a token that says who it is and what it may do.
#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "granary/hosting/server_options.h"
#include "granary/hosting/service_name.h"
#include "granary/security/node_token.h"
#include "granary/services/auth_gateway/bodies.h"
#include "granary/services/auth_gateway/routes.h"

namespace granary::gateway {
namespace {

constexpr std::size_t kHealthBytesMax = 64u << 10;
constexpr std::size_t kHealthDepth = 8;
constexpr std::uint64_t kPortMax = 65'535;

Status Unreachable() {
  return {Code::kUnavailable, "the tenant's node cannot be reached: try again soon"};
}

Result<std::string> ReadAll(net::UpstreamAnswer& answer) {
  std::string out, piece(4096, '\0');
  while (out.size() <= kHealthBytesMax) {
    GRANARY_ASSIGN(const std::size_t n, answer.Read(piece));
    if (n == 0) return out;
    out.append(piece, 0, n);
  }
  return Status(Code::kTooLarge, "the node's health is too long");
}

// What a node says of itself is a port, of the machine that it is known to be on.
Result<std::uint64_t> GrpcPortIn(const std::string& health) {
  GRANARY_ASSIGN(const api::JsonNode node, api::ParseJsonObject(health, kHealthDepth));
  for (const api::JsonMember& member : node.members) {
    if (member.name != "grpc_port") continue;
    api::ObjectReader reader(node, "");
    GRANARY_ASSIGN(const auto port, reader.WholeNumber("grpc_port", 1, kPortMax));
    return port.value_or(0);
  }
  return std::uint64_t{0};
}

/// 0: it serves no gRPC. kUnavailable while it is away or not ready.
Result<std::uint64_t> AskGrpcPort(GatewayState& state, hosting::RouteCall& call,
                                  const PlacedNode& node) {
  net::Headers headers;
  headers.Set("X-Request-Id", call.request.request_id);
  const auto note = [&](std::string_view error) {
    state.node_failures.Add(1);
    state.log.Warn("a node failed", {{"request_id", call.request.request_id},
                                     {"node", node.name},
                                     {"tenant", IdentityOf(call).tenant},
                                     {"error", error}});
    return Unreachable();
  };
  auto answer = node.link->Send(
      {.method = "GET", .target = "/health", .headers = &headers, .cancel = call.request.cancel});
  if (!answer.ok()) {
    GRANARY_TRY(call.request.cancel.Check());
    return note(answer.status().message());
  }
  if ((*answer)->headers().Get(hosting::kServiceHeader).value_or("") != hosting::kTenantNode)
    return note("what answers there is no Tenant Node");
  if ((*answer)->status() != 200)
    return Status(Code::kUnavailable, "the tenant's node is not ready: try again soon");
  const Result<std::string> health = ReadAll(**answer);
  if (!health.ok()) return note(health.status().message());
  const Result<std::uint64_t> port = GrpcPortIn(*health);
  if (!port.ok()) return note("its health is none: " + std::string(port.status().message()));
  return port;
}

Result<net::HttpResponse> GiveNodeToken(GatewayState& state, auth::Authority& authority,
                                        hosting::RouteCall& call) {
  std::optional<std::vector<security::Grant>> scope;
  if (!call.request.body.empty()) {
    GRANARY_ASSIGN(const api::JsonNode node, ReadBody(state, call.request));
    api::ObjectReader body(node, "");
    GRANARY_ASSIGN(scope, ReadGrants(body, "scope"));
    GRANARY_TRY(body.Finish());
  }
  const std::string& tenant = IdentityOf(call).tenant;
  GRANARY_ASSIGN(const PlacedNode node, state.placement->NodeOf(tenant, call.request.cancel));
  GRANARY_ASSIGN(const std::uint64_t port, AskGrpcPort(state, call, node));
  if (port == 0) {
    return Status::Unsupported(
        "the tenant's node serves no gRPC: it does when it is started with 'both'");
  }
  GRANARY_ASSIGN(const auth::DirectToken given,
                 authority.GiveToken(ActOf(call), security::NodeGrpcAudience(tenant), scope));
  std::string out;
  api::JsonObject object(out);
  object.Add("token", given.text);
  object.Add("expires_in", given.expires_in_s);
  object.Add("metadata", "granary-token");
  object.Add("grpc_address", hosting::OwnAddress(node.host, static_cast<std::int64_t>(port)));
  object.Add("tenant_id", tenant);
  AppendGrants(given.grants, object.Key("grants"));
  object.Close();
  return SecretResponse(std::move(out));
}

}  // namespace

void AddNodeTokenRoute(GatewayState& state, hosting::Router& router) {
  router.Add({.method = "POST",
              .pattern = "/auth/node-token",
              .handler = WithAuthority(state, GiveNodeToken),
              .lane = net::HandlerLane::kPatient});
}

}  // namespace granary::gateway
