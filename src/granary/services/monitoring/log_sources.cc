#include "granary/services/monitoring/log_sources.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "granary/api/json_node.h"
#include "granary/hosting/log_route.h"
#include "granary/net/http_client.h"
#include "granary/net/request_target.h"

namespace granary::services {
namespace {

constexpr std::size_t kAnswerDepth = 8;

Status Unavailable(std::string message) { return {Code::kUnavailable, std::move(message)}; }

}  // namespace

LogSources::LogSources(std::vector<Target> targets, Rings rings, std::string key,
                       std::int64_t timeout_ms)
    : targets_(std::move(targets)),
      rings_(std::move(rings)),
      key_(std::move(key)),
      timeout_ms_(timeout_ms) {}

Result<std::string> LogSources::Read(const std::string& service,
                                     const net::HttpRequest& request) const {
  GRANARY_ASSIGN(const LogQuery query, hosting::ParseLogQuery(request));
  if (const auto ring = rings_.find(service); ring != rings_.end())
    return hosting::LogPageJson(service, *ring->second, query);
  const auto target = std::ranges::find(targets_, service, &Target::service);
  if (target != targets_.end()) return Fetch(*target, request);
  return Status(Code::kNotFound, fmt::format("no service '{}' is looked at; GET /health/all lists "
                                             "those that are",
                                             service.substr(0, 128)));
}

Result<std::string> LogSources::Fetch(const Target& target, const net::HttpRequest& request) const {
  GRANARY_ASSIGN(net::HttpClient client, net::HttpClient::Create(target.url, timeout_ms_));
  client.set_limits({.body_bytes_max = kLogAnswerBytesMax, .total_ms = timeout_ms_});
  net::Headers headers;
  headers.Set("X-Request-Id", request.request_id);
  if (!key_.empty()) headers.Set("Authorization", "Bearer " + key_);
  const auto answer = client.Send("GET", net::FormatTarget("/logs", request.query), {}, headers);
  if (!answer.ok()) return Unavailable(fmt::format("{} does not answer", target.service));
  switch (answer->status) {
    case 200: break;
    case 401:
      return Unavailable(
          fmt::format("{} does not show its lines to this service: set the same "
                      "OPERATION_NODE_KEY on both",
                      target.service));
    case 404: return Unavailable(fmt::format("{} offers no log lines", target.service));
    default:
      return Unavailable(
          fmt::format("{} answers HTTP {} about its log lines", target.service, answer->status));
  }
  if (!api::ParseJsonObject(answer->body, kAnswerDepth).ok()) {
    return Status(Code::kCorruption,
                  fmt::format("what {} says of its log lines is no JSON object", target.service));
  }
  return answer->body;
}

}  // namespace granary::services
