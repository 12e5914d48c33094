#include "granary/services/monitoring/fleet_link.h"

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "granary/api/json_node.h"
#include "granary/api/json_object.h"
#include "granary/hosting/service_name.h"
#include "granary/net/request_target.h"
#include "granary/services/monitoring/exposition.h"
#include "granary/services/monitoring/scrape.h"

namespace granary::services {
namespace {

constexpr std::size_t kFleetDepth = 16;
constexpr std::size_t kFleetBytesMax = 16u << 20;
constexpr std::string_view kActorHeader = "Granary-Actor";  // As the Operation Node reads it.
constexpr std::size_t kNodePagesMax = 200;
constexpr std::string_view kNodesInAPage = "100";
constexpr std::array<std::string_view, 3> kFleetSentBack = {"Retry-After", "Allow",
                                                            "Granary-Stale-Ms"};

const api::JsonNode* FleetMember(const api::JsonNode& object, std::string_view name) {
  for (const api::JsonMember& member : object.members)
    if (member.name == name) return &member.value;
  return nullptr;
}

// Where the node of a tenant is; nothing while none serves it.
std::optional<std::string> NodeUrlOf(const std::string& tenant_json) {
  const auto tenant = api::ParseJsonObject(tenant_json, kFleetDepth);
  if (!tenant.ok()) return std::nullopt;
  const api::JsonNode* placement = FleetMember(*tenant, "placement");
  const api::JsonNode* url = placement == nullptr ? nullptr : FleetMember(*placement, "url");
  const api::JsonNode* serving = FleetMember(*tenant, "serving");
  const bool there = url != nullptr && url->kind == api::JsonNode::Kind::kString &&
                     serving != nullptr && serving->boolean;
  return there ? std::optional(url->text) : std::nullopt;
}

/// What a node says of itself, and whether all of it is about one tenant.
struct NodeMetrics {
  Exposition all;
  bool of_one = false;
};

// Of a node with one tenant that one must be meant; one with many names each where it is its own.
std::optional<NodeMetrics> MetricsOf(const std::string& url, const std::string& tenant) {
  auto client = net::HttpClient::Create(url, kFleetTimeoutMs);
  if (!client.ok()) return std::nullopt;
  client->set_limits({.body_bytes_max = kScrapeBytesMax, .total_ms = kFleetTimeoutMs});
  const auto answer = client->Send("GET", "/metrics", {});
  if (!answer.ok() || answer->status != 200) return std::nullopt;
  NodeMetrics metrics{ReadExposition(answer->body)};
  const MetricFamily* info = metrics.all.Find("granary_build_info");
  if (info == nullptr || info->samples.empty()) return std::nullopt;
  const std::string_view one = info->samples[0].Label("tenant_id");
  metrics.of_one = !one.empty();
  return one.empty() || one == tenant ? std::optional(std::move(metrics)) : std::nullopt;
}

// Null also of a tenant that is not open there, which says nothing of itself.
void AddMeasured(api::JsonObject& object, std::string_view name, std::string_view family,
                 const std::optional<NodeMetrics>& metrics, const std::string& tenant) {
  const MetricFamily* found = metrics ? metrics->all.Find(family) : nullptr;
  if (found == nullptr) return object.AddNull(name);
  for (const auto& sample : found->samples) {
    if (metrics->of_one || sample.Label("tenant_id") == tenant) {
      AppendFormat(object.Key(name), "{:.0f}", sample.value);
      return;
    }
  }
  object.AddNull(name);
}

}  // namespace

FleetLink::FleetLink(std::string operation_node_url, std::string key)
    : url_(std::move(operation_node_url)), key_(std::move(key)) {}

Result<net::ClientResponse> FleetLink::Send(std::string_view method, const std::string& target,
                                            std::string_view body, const std::string& request_id,
                                            std::int64_t timeout_ms,
                                            const std::string& actor) const {
  if (url_.empty())
    return Status(Code::kUnavailable, "no operation-node is among MONITORING_TARGETS");
  GRANARY_ASSIGN(net::HttpClient client, net::HttpClient::Create(url_, timeout_ms));
  client.set_limits({.body_bytes_max = kFleetBytesMax, .total_ms = timeout_ms});
  net::Headers headers;
  headers.Set("X-Request-Id", request_id);
  if (!actor.empty()) headers.Set(kActorHeader, actor);
  if (!key_.empty()) headers.Set("Authorization", "Bearer " + key_);
  auto answer = client.Send(method, target, body, headers);
  if (!answer.ok()) {
    // Where it is, and what the system said of it, is told nobody.
    if (method == "GET" || answer.status().code() == Code::kUnavailable)
      return Status(Code::kUnavailable, "the Operation Node cannot be reached: try again soon");
    return Status(Code::kIoError,
                  "the Operation Node broke off before it answered: whether the request was "
                  "carried out is not known");
  }
  if (answer->status == 401 || answer->status == 403) {
    return Status(Code::kUnavailable,
                  "the Operation Node does not take this service's OPERATION_NODE_KEY: set the "
                  "same on both");
  }
  return answer;
}

Result<net::HttpResponse> FleetLink::Forward(const net::HttpRequest& request,
                                             const std::string& target,
                                             const std::string& actor) const {
  const std::string_view method =
      request.method == "HEAD" ? "GET" : std::string_view(request.method);
  GRANARY_ASSIGN(net::ClientResponse answer,
                 Send(method, target, request.body, request.request_id, kFleetTimeoutMs, actor));
  net::HttpResponse response;
  response.status = answer.status;
  response.content_type = answer.status < 400 ? "application/json" : "application/problem+json";
  for (const std::string_view name : kFleetSentBack) {
    if (const auto value = answer.headers.Get(name)) response.headers.Set(name, *value);
  }
  response.headers.Set("Cache-Control", "no-store");
  response.headers.Set("X-Content-Type-Options", "nosniff");
  response.body = std::move(answer.body);
  return response;
}

Result<FleetNodes> FleetLink::Nodes(std::size_t nodes_max, std::int64_t timeout_ms) const {
  FleetNodes out;
  std::string cursor;
  for (std::size_t pages = 0; pages < kNodePagesMax; ++pages) {
    std::vector<std::pair<std::string, std::string>> query = {
        {"active_tenants", "true"}, {"limit", std::string(kNodesInAPage)}};
    if (!cursor.empty()) query.emplace_back("cursor", cursor);
    GRANARY_ASSIGN(const net::ClientResponse answer,
                   Send("GET", net::FormatTarget("/nodes", query), {}, "monitoring", timeout_ms));
    if (answer.headers.Get(hosting::kServiceHeader).value_or("") != hosting::kOperationNode)
      return Status(Code::kUnavailable, "what answers at the Operation Node's address is none");
    if (answer.status != 200) {
      return Status(
          Code::kUnavailable,
          fmt::format("the Operation Node answers HTTP {} about its nodes", answer.status));
    }
    GRANARY_ASSIGN(FleetNodesPage page, ReadFleetNodes(answer.body));
    out.idle += page.found.idle;
    out.bad += page.found.bad;
    for (FleetNode& node : page.found.nodes) {
      if (out.nodes.size() < nodes_max)
        out.nodes.push_back(std::move(node));
      else
        out.has_more = true;
    }
    if (page.next_cursor.empty() || out.has_more) return out;
    if (page.next_cursor <= cursor)
      return Status(Code::kCorruption, "the Operation Node's pages of nodes go round in circles");
    cursor = std::move(page.next_cursor);
  }
  out.has_more = true;
  return out;
}

Result<std::string> FleetLink::SizeOf(const std::string& tenant,
                                      const net::HttpRequest& request) const {
  GRANARY_ASSIGN(const net::ClientResponse found,
                 Send("GET", net::FormatTarget("/tenants/" + tenant, {}), {}, request.request_id));
  if (found.status == 404)
    return Status(Code::kNotFound, fmt::format("there is no tenant '{}'", tenant.substr(0, 128)));
  if (found.status != 200) {
    return Status(Code::kUnavailable,
                  fmt::format("the Operation Node answers HTTP {} about a tenant", found.status));
  }
  const auto url = NodeUrlOf(found.body);
  const std::optional<NodeMetrics> metrics = url ? MetricsOf(*url, tenant) : std::nullopt;
  std::string body;
  api::JsonObject object(body);
  object.Add("tenant_id", std::string_view(tenant));
  AddMeasured(object, "rows", "granary_rows", metrics, tenant);
  AddMeasured(object, "bytes", "granary_segment_bytes", metrics, tenant);
  AddMeasured(object, "sources", "granary_sources", metrics, tenant);
  object.Close();
  return body;
}

}  // namespace granary::services
