#include "granary/hosting/log_route.h"

#include <charconv>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/hosting/responses.h"
#include "granary/types/time_text.h"

namespace granary::hosting {
namespace {

constexpr std::int64_t kPositionMax = std::numeric_limits<std::int64_t>::max() - 1;

Status Wrong(std::string_view name, std::string_view found, std::string_view expected) {
  return {Code::kInvalidArgument,
          fmt::format("{} is '{}', expected {}", name, found.substr(0, 64), expected)};
}

Result<std::optional<std::int64_t>> Whole(const net::HttpRequest& request, std::string_view name,
                                          std::int64_t min, std::int64_t max) {
  const auto text = request.QueryParameter(name);
  if (!text) return std::optional<std::int64_t>();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  const bool whole = error == std::errc() && end == text->data() + text->size();
  if (whole && value >= min && value <= max) return std::optional(value);
  return Wrong(name, *text, fmt::format("a whole number from {} to {}", min, max));
}

Result<std::string> ShortText(const net::HttpRequest& request, std::string_view name) {
  const auto text = request.QueryParameter(name);
  if (text && text->size() > kLogTextBytesMax)
    return Wrong(name, *text, fmt::format("{} bytes at most", kLogTextBytesMax));
  return std::string(text.value_or(""));
}

}  // namespace

Result<LogQuery> ParseLogQuery(const net::HttpRequest& request) {
  LogQuery query;
  if (const auto text = request.QueryParameter("level")) {
    const auto level = ParseLogLevel(*text);
    if (!level) return Wrong("level", *text, "debug, info, warn or error");
    query.level = *level;
  }
  if (const auto text = request.QueryParameter("since")) {
    const auto instant = ParseTimestamp(*text, TimeUnit::kMicro);
    if (!instant.ok()) return Wrong("since", *text, "an instant such as 2024-01-15T10:00:00Z");
    query.since_us = *instant;
  }
  GRANARY_ASSIGN(query.text, ShortText(request, "text"));
  GRANARY_ASSIGN(query.request_id, ShortText(request, "request_id"));
  GRANARY_ASSIGN(query.after, Whole(request, "after", 0, kPositionMax));
  GRANARY_ASSIGN(query.before, Whole(request, "before", 0, kPositionMax));
  if (query.after && query.before)
    return Status(Code::kInvalidArgument, "after and before are both given: give one of them");
  GRANARY_ASSIGN(const auto limit, Whole(request, "limit", 1, std::int64_t{kLogLinesMax}));
  if (limit) query.lines_max = static_cast<std::size_t>(*limit);
  return query;
}

std::string LogPageJson(std::string_view service, const LogRing& ring, const LogQuery& query) {
  const LogPage page = ring.Read(query);
  const LogRing::Counts counts = ring.counts();
  std::string body;
  api::JsonObject object(body);
  object.Add("service", service);
  api::AppendList(page.lines, object.Key("lines"),
                  [&body](const std::string& line) { body += line; });
  object.Add("first", page.lines.empty() ? std::nullopt : std::optional(page.first));
  object.Add("next", page.next);
  object.Add("more", page.more);
  object.Add("kept_lines", counts.lines);
  object.Add("kept_bytes", counts.bytes);
  object.Add("gone_lines", counts.gone);
  object.Close();
  return body;
}

void AddLogRoute(const Logger& log, std::string_view service, Router& router) {
  router.Add(
      {.method = "GET",
       .pattern = "/logs",
       .handler = [ring = log.ring(), service](RouteCall& call) -> Result<net::HttpResponse> {
         GRANARY_ASSIGN(const LogQuery query, ParseLogQuery(call.request));
         return JsonResponse(LogPageJson(service, *ring, query));
       },
       .for_fleet = true,
       .query = {kLogParameters.begin(), kLogParameters.end()}});
}

}  // namespace granary::hosting
