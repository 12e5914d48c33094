#include <charconv>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/base/ids.h"
#include "granary/hosting/responses.h"
#include "granary/services/monitoring/routes.h"
#include "granary/types/time_text.h"

namespace granary::services {
namespace {

constexpr std::int64_t kSecondMicros = 1'000'000;
constexpr std::int64_t kHourMicros = 3600 * kSecondMicros;
constexpr std::int64_t kStepSecondsMax = 86'400 * 31;

struct OfName {
  std::string_view name;
  SeriesOf of;
};
constexpr OfName kOfs[] = {{"avg", SeriesOf::kAvg},
                           {"min", SeriesOf::kMin},
                           {"max", SeriesOf::kMax},
                           {"last", SeriesOf::kLast},
                           {"rate", SeriesOf::kRate}};

Status WrongParameter(std::string_view name, std::string_view value, std::string_view wanted) {
  return {Code::kInvalidArgument, fmt::format("{} is '{}': {}", name, value.substr(0, 64), wanted)};
}

// "30s", "5m", "1h", "1d"; a bare number is of seconds.
std::optional<std::int64_t> ParseStep(std::string_view text) {
  std::int64_t unit = 1;
  if (!text.empty()) {
    switch (text.back()) {
      case 's': break;
      case 'm': unit = 60; break;
      case 'h': unit = 3600; break;
      case 'd': unit = 86'400; break;
      default: unit = 0;
    }
    if (unit != 0)
      text.remove_suffix(1);
    else
      unit = 1;
  }
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 1 ||
      count > kStepSecondsMax / unit) {
    return std::nullopt;
  }
  return count * unit * kSecondMicros;
}

Result<std::int64_t> InstantParameter(const net::HttpRequest& request, std::string_view name,
                                      std::int64_t fallback) {
  const auto text = request.QueryParameter(name);
  if (!text) return fallback;
  const auto instant = ParseTimestamp(*text, TimeUnit::kMicro);
  if (!instant.ok()) return WrongParameter(name, *text, "an instant such as 2024-01-15T10:00:00Z");
  return *instant;
}

Result<SeriesRange> RangeOf(const net::HttpRequest& request, std::string_view name,
                            std::int64_t now_us) {
  SeriesRange out;
  out.name = name;
  out.service = request.QueryParameter("service").value_or("");
  if (const auto node = request.QueryParameter("node")) {
    if (!IsIdentifier(*node)) return WrongParameter("node", *node, "the id of a node of the fleet");
    out.node = *node;
  }
  GRANARY_ASSIGN(out.end_us, InstantParameter(request, "end", now_us));
  GRANARY_ASSIGN(out.start_us, InstantParameter(request, "start", out.end_us - kHourMicros));
  if (const auto text = request.QueryParameter("step")) {
    const auto step = ParseStep(*text);
    if (!step) return WrongParameter("step", *text, "a span such as 30s, 5m, 1h or 1d");
    out.step_us = *step;
  }
  if (const auto text = request.QueryParameter("of")) {
    const auto* found = std::ranges::find(kOfs, *text, &OfName::name);
    if (found == std::end(kOfs))
      return WrongParameter("of", *text, "one of avg, min, max, last, rate");
    out.of = found->of;
  }
  return out;
}

std::string SeriesJson(const SeriesRange& range, const std::vector<Series>& found) {
  std::string body;
  api::JsonObject object(body);
  object.Add("name", std::string_view(range.name));
  object.Add("of", std::ranges::find(kOfs, range.of, &OfName::of)->name);
  object.Add("step_seconds", range.step_us / kSecondMicros);
  std::string& list = object.Key("series");
  list.push_back('[');
  for (const Series& series : found) {
    if (list.back() != '[') list.push_back(',');
    api::JsonObject one(list);
    one.Add("service", std::string_view(series.service));
    one.Key("labels").append(series.labels);
    std::string& points = one.Key("points");
    points.push_back('[');
    for (const SeriesPoint& point : series.points) {
      if (points.back() != '[') points.push_back(',');
      points.append("[\"");
      AppendTimestamp(point.at_us, TimeUnit::kMicro, points);
      AppendFormat(points, "\",{}]", point.value);
    }
    points.push_back(']');
    one.Close();
  }
  list.push_back(']');
  object.Close();
  return body;
}

Result<net::HttpResponse> ListNames(const MonitoringDesk& desk, hosting::RouteCall& call) {
  GRANARY_ASSIGN(const std::vector<std::string> names, desk.series.Names(call.request.cancel));
  std::string body = "{\"names\":[";
  for (const std::string& name : names) {
    if (body.back() != '[') body.push_back(',');
    json::AppendString(name, body);
  }
  return hosting::JsonResponse(body + "]}");
}

Result<net::HttpResponse> ReadSeries(const MonitoringDesk& desk, hosting::RouteCall& call) {
  const auto name = call.request.QueryParameter("name");
  if (!name && call.request.query.empty()) return ListNames(desk, call);
  if (!name)
    return Status(Code::kInvalidArgument,
                  "name is missing; without any parameter, names are listed");
  GRANARY_ASSIGN(const SeriesRange range, RangeOf(call.request, *name, desk.clock.WallMicros()));
  GRANARY_ASSIGN(const std::vector<Series> found, desk.series.Read(range, call.request.cancel));
  return hosting::JsonResponse(SeriesJson(range, found));
}

}  // namespace

void AddSeriesRoutes(const FindMonitoringDesk& find, hosting::Router& router) {
  router.Add({.method = "GET",
              .pattern = "/api/series",
              .handler = [find](hosting::RouteCall& call) -> Result<net::HttpResponse> {
                GRANARY_ASSIGN(const auto desk, find());
                return ReadSeries(*desk, call);
              },
              .lane = net::HandlerLane::kPatient,
              .query = {"name", "service", "node", "start", "end", "step", "of"}});
}

}  // namespace granary::services
