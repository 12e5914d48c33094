#include <algorithm>
#include <string>

#include "granary/api/json_object.h"
#include "granary/hosting/responses.h"
#include "granary/services/monitoring/routes.h"

namespace granary::services {
namespace {

// A system is as well as the worst of its services: down when none answers.
std::string_view Overall(const std::vector<Scrape>& scrapes) {
  if (scrapes.empty()) return "unknown";
  if (std::ranges::all_of(scrapes, &Scrape::ready)) return "ok";
  return std::ranges::any_of(scrapes, &Scrape::up) ? "degraded" : "down";
}

// 200 whatever it says: whoever asks wants to know of all services, and this one works.
Result<net::HttpResponse> HealthOfAll(const MonitoringDesk& desk) {
  const std::vector<Scrape> scrapes = desk.monitor.Scrapes();
  std::string body;
  api::JsonObject object(body);
  object.Add("status", Overall(scrapes));
  api::AppendList(scrapes, object.Key("services"),
                  [&](const Scrape& scrape) { body += ScrapeJson(scrape); });
  object.Close();
  return hosting::JsonResponse(std::move(body));
}

Result<net::HttpResponse> StatusOfAll(const MonitoringDesk& desk) {
  const std::vector<Scrape> scrapes = desk.monitor.Scrapes();
  const std::vector<Alert> alerts = desk.monitor.Alerts();
  const Status series = desk.monitor.series_status();
  std::string body;
  api::JsonObject object(body);
  object.Add("status", Overall(scrapes));
  object.Add("services", scrapes.size());
  object.Add("ready", std::ranges::count_if(scrapes, &Scrape::ready));
  object.Add("firing", std::ranges::count_if(alerts, &Alert::firing));
  object.Add("rounds", desk.monitor.rounds());
  if (series.ok())
    object.AddNull("series_error");
  else
    object.Add("series_error", series.ToString());
  object.Close();
  return hosting::JsonResponse(std::move(body));
}

}  // namespace

void AddHealthRoutes(const FindMonitoringDesk& find, hosting::Router& router) {
  const auto add = [&](std::string pattern, auto handler, bool needs_access) {
    router.Add({.method = "GET",
                .pattern = std::move(pattern),
                .handler = [find, handler](hosting::RouteCall&) -> Result<net::HttpResponse> {
                  GRANARY_ASSIGN(const auto desk, find());
                  return handler(*desk);
                },
                .needs_access = needs_access});
  };
  add("/health/all", HealthOfAll, false);
  add("/status", StatusOfAll, true);
}

}  // namespace granary::services
