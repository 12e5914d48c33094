#include "granary/services/monitoring/scrape.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "granary/api/json_node.h"
#include "granary/api/json_object.h"
#include "granary/hosting/service_name.h"
#include "granary/net/http_client.h"

namespace granary::services {
namespace {

constexpr std::size_t kHealthDepth = 8;
constexpr std::string_view kFederating = "monitoring";

bool IsServiceName(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::string DetailOf(const net::ClientResponse& answer) {
  if (const auto problem = api::ParseJsonObject(answer.body, kHealthDepth); problem.ok()) {
    for (const api::JsonMember& member : problem->members)
      if (member.name == "detail") return member.value.text;
  }
  return fmt::format("HTTP {}", answer.status);
}

constexpr std::array kServices = {hosting::kTenantNode,      hosting::kAuthGateway,
                                  hosting::kOperationNode,   hosting::kCboEngine,
                                  hosting::kMetadataCatalog, hosting::kMonitoring};

// Which service answers in the place of the one that is looked at; empty: that one, or nobody knows
// what it should be, since the operator gave it a name of their own.
std::string OtherService(const api::JsonNode& health, std::string_view wanted) {
  if (std::ranges::find(kServices, wanted) == kServices.end()) return {};
  for (const api::JsonMember& member : health.members)
    if (member.name == "service" && member.value.text != wanted) return member.value.text;
  return {};
}

Status CheckIsNode(const net::ClientResponse& health) {
  if (health.headers.Get(hosting::kServiceHeader).value_or("") != hosting::kTenantNode)
    return {Code::kUnavailable, "what answers at its address is no Tenant Node"};
  if (health.body.size() > kNodeHealthBytesMax) {
    return {Code::kTooLarge,
            fmt::format("what it says of its health is longer than {} bytes", kNodeHealthBytesMax)};
  }
  return Status::Ok();
}

Status ReadHealth(net::HttpClient& client, const io::Clock& clock, Scrape& out) {
  const std::int64_t start_ns = clock.MonotonicNanos();
  GRANARY_ASSIGN(const net::ClientResponse health, client.Send("GET", "/health", ""));
  if (!out.target.node.empty()) GRANARY_TRY(CheckIsNode(health));
  out.health_ms = static_cast<double>(clock.MonotonicNanos() - start_ns) / 1e6;
  out.up = true;
  out.ready = health.status == 200;
  if (!out.ready) out.error = DetailOf(health);
  const auto said = api::ParseJsonObject(health.body, kHealthDepth);
  if (!said.ok()) return Status::Ok();
  out.health = health.body;
  if (const std::string other = OtherService(*said, out.target.service); !other.empty()) {
    out.ready = false;
    return {Code::kUnavailable,
            fmt::format("a service '{}' answers there: see MONITORING_TARGETS", other)};
  }
  return Status::Ok();
}

Status ReadMetrics(net::HttpClient& client, Scrape& out) {
  // It tells of all services what we told it, unless it is asked about itself.
  const bool federates = out.target.service == kFederating;
  GRANARY_ASSIGN(const net::ClientResponse metrics,
                 client.Send("GET", federates ? "/metrics?service=monitoring" : "/metrics", ""));
  if (metrics.status != 200)
    return {Code::kUnavailable, fmt::format("/metrics: HTTP {}", metrics.status)};
  out.metrics = ReadExposition(metrics.body);
  if (federates) out.metrics = PartOf(std::move(out.metrics), kFederating);
  out.measured = true;
  return Status::Ok();
}

}  // namespace

Result<std::vector<Target>> ParseTargets(std::string_view text) {
  std::vector<Target> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = part.find('=');
    const std::string_view name = part.substr(0, equals);
    if (equals == std::string_view::npos || !IsServiceName(name)) {
      return Status(Code::kInvalidArgument, fmt::format("'{}' is not NAME=URL, such as "
                                                        "tenant-node=http://127.0.0.1:8000",
                                                        part.substr(0, 100)));
    }
    if (std::ranges::find(out, name, &Target::service) != out.end())
      return Status(Code::kInvalidArgument, fmt::format("'{}' stands twice", name));
    Target target{std::string(name), std::string(part.substr(equals + 1))};
    GRANARY_TRY(net::HttpClient::Create(target.url, 1).status());
    out.push_back(std::move(target));
  }
  return out;
}

Scrape ScrapeTarget(const Target& target, std::int64_t timeout_ms, const io::Clock& clock) {
  Scrape out{.target = target, .at_us = clock.WallMicros()};
  auto client = net::HttpClient::Create(target.url, timeout_ms);
  if (!client.ok()) {
    out.error = client.status().message();
    return out;
  }
  client->set_limits({.body_bytes_max = kScrapeBytesMax, .total_ms = timeout_ms});
  Status status = ReadHealth(*client, clock, out);
  if (status.ok()) status = ReadMetrics(*client, out);
  if (!status.ok()) out.error = status.message();
  return out;
}

std::string ScrapeJson(const Scrape& scrape) {
  std::string out;
  api::JsonObject object(out);
  object.Add("service", scrape.target.service);
  object.Add("url", scrape.target.url);
  object.Add("status", scrape.ready ? "ok" : scrape.up ? "not ready" : "down");
  object.AddInstant("checked", scrape.at_us);
  if (scrape.up)
    AppendFormat(object.Key("ms"), "{:.3f}", scrape.health_ms);
  else
    object.AddNull("ms");
  if (scrape.error.empty())
    object.AddNull("error");
  else
    object.Add("error", scrape.error);
  object.Key("health").append(scrape.health.empty() ? "null" : scrape.health);
  object.Close();
  return out;
}

}  // namespace granary::services
