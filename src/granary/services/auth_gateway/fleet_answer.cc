#include "granary/services/auth_gateway/fleet_answer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "granary/api/json_node.h"
#include "granary/net/http_client.h"
#include "granary/net/upstream_pool.h"

namespace granary::gateway {
namespace {

using Kind = FleetAnswer::Kind;

constexpr std::size_t kAnswerDepth = 8;
constexpr std::uint64_t kAnswerBytesMax = 64u << 10;

constexpr std::pair<Kind, std::string_view> kKindWords[] = {
    {Kind::kNotReady, "waiting"}, {Kind::kSuspended, "suspended"}, {Kind::kUnknown, "unknown"}};

const api::JsonNode* FindMember(const api::JsonNode* object, std::string_view name) {
  if (object == nullptr) return nullptr;
  for (const api::JsonMember& member : object->members)
    if (member.name == name) return &member.value;
  return nullptr;
}

std::string TextOf(const api::JsonNode* node) {
  return node != nullptr && node->kind == api::JsonNode::Kind::kString ? node->text : "";
}

Status OfNoUse(std::string what) { return {Code::kInternal, std::move(what)}; }

// Every service of ours says so, and answers what it does not have with the same 404.
Status CheckService(net::HttpClient& client) {
  const auto answer = client.Send("GET", "/health/live", {});
  if (!answer.ok()) return {Code::kUnavailable, std::string(answer.status().message())};
  const auto node = api::ParseJsonObject(answer->body, kAnswerDepth);
  const std::string service = node.ok() ? TextOf(FindMember(&*node, "service")) : "";
  if (service == "operation-node") return Status::Ok();
  return OfNoUse(fmt::format("at OPERATION_NODE_URL there is no Operation Node but '{}'",
                             service.empty() ? "something else" : service.substr(0, 64)));
}

}  // namespace

Result<FleetAnswer> ReadFleetAnswer(const std::string& tenant, int http_status,
                                    std::string_view body) {
  const auto node = api::ParseJsonObject(body, kAnswerDepth);
  const auto text = [&](std::string_view name) {
    return node.ok() ? TextOf(FindMember(&*node, name)) : "";
  };
  if (http_status == 404 && text("code") == CodeName(Code::kNotFound))
    return FleetAnswer{Kind::kUnknown, {}};
  if (http_status != 200) {
    return OfNoUse(fmt::format("HTTP {} of the Operation Node: {}", http_status,
                               text("detail").substr(0, 300)));
  }
  const std::string state = text("state");
  if (state.empty() || text("tenant_id") != tenant)
    return OfNoUse(fmt::format("the answer is not about the tenant '{}'", tenant));
  if (state != "active") return FleetAnswer{Kind::kSuspended, {}};
  const std::string url = TextOf(FindMember(FindMember(&*node, "placement"), "url"));
  if (url.empty()) return FleetAnswer{Kind::kNotReady, {}};
  if (const auto address = net::ParseUpstreamUrl(url); !address.ok())
    return OfNoUse(fmt::format("the tenant's node: {}", address.status().message()));
  return FleetAnswer{Kind::kPlaced, url};
}

AskFleetFn AskOperationNode(const std::string& url, const std::string& key,
                            std::int64_t timeout_ms) {
  const auto client = std::make_shared<std::unique_ptr<net::HttpClient>>();
  return [url, key, timeout_ms, client](const std::string& tenant) -> Result<FleetAnswer> {
    if (*client == nullptr) {
      GRANARY_ASSIGN(net::HttpClient made, net::HttpClient::Create(url, timeout_ms));
      made.set_limits({.body_bytes_max = kAnswerBytesMax, .total_ms = timeout_ms});
      *client = std::make_unique<net::HttpClient>(std::move(made));
    }
    net::Headers headers;
    if (!key.empty()) headers.Set("Authorization", "Bearer " + key);
    // A tenant's id is an identifier, so it needs no escaping.
    const auto answer =
        (*client)->Send("GET", fmt::format("/tenants/{}/placement", tenant), {}, headers);
    if (!answer.ok()) {
      client->reset();
      return Status(Code::kUnavailable, std::string(answer.status().message()));
    }
    if (answer->status == 404) GRANARY_TRY(CheckService(**client));
    return ReadFleetAnswer(tenant, answer->status, answer->body);
  };
}

std::string FleetAnswerText(const FleetAnswer& answer) {
  for (const auto& [kind, word] : kKindWords)
    if (kind == answer.kind) return std::string(word);
  return answer.url;
}

Result<FleetAnswer> FleetAnswerOf(std::string_view text) {
  for (const auto& [kind, word] : kKindWords)
    if (word == text) return FleetAnswer{kind, {}};
  GRANARY_TRY(net::ParseUpstreamUrl(text).status());
  return FleetAnswer{Kind::kPlaced, std::string(text)};
}

}  // namespace granary::gateway
