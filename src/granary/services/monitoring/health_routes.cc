#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/api/json_object.h"
#include "granary/hosting/responses.h"
#include "granary/services/monitoring/routes.h"

namespace granary::services {
namespace {

// What a look found, of the nodes that are looked at.
std::vector<const Scrape*> ScrapesOf(const NodesSeenPtr& nodes) {
  std::vector<const Scrape*> out;
  if (nodes == nullptr) return out;
  for (const NodeSeen& node : nodes->nodes)
    if (node.not_looked_at.empty() && node.scrape.at_us != 0) out.push_back(&node.scrape);
  return out;
}

// A system is as well as the worst of its services and nodes: down when none answers.
std::string_view Overall(const std::vector<Scrape>& services,
                         const std::vector<const Scrape*>& nodes) {
  if (services.empty()) return "unknown";
  const bool all = std::ranges::all_of(services, &Scrape::ready) &&
                   std::ranges::all_of(nodes, [](const Scrape* one) { return one->ready; });
  if (all) return "ok";
  const bool any = std::ranges::any_of(services, &Scrape::up) ||
                   std::ranges::any_of(nodes, [](const Scrape* one) { return one->up; });
  return any ? "degraded" : "down";
}

std::string_view StatusOf(const NodeSeen& node) {
  if (!node.not_looked_at.empty()) return "not looked at";
  if (node.scrape.at_us == 0) return "unknown";
  return node.scrape.ready ? "ok" : node.scrape.up ? "not ready" : "down";
}

// What anybody may know of it: neither where it is nor whom it serves.
void AddNodeHealth(api::JsonObject& object, const NodeSeen& node) {
  object.Add("node", std::string_view(node.node.id));
  object.Add("status", StatusOf(node));
  object.Add("state", std::string_view(node.node.state));
  const bool is_looked_at = node.not_looked_at.empty() && node.scrape.at_us != 0;
  object.AddInstant("checked", is_looked_at ? std::optional(node.scrape.at_us) : std::nullopt);
  if (is_looked_at && node.scrape.up)
    AppendFormat(object.Key("ms"), "{:.3f}", node.scrape.health_ms);
  else
    object.AddNull("ms");
}

void AddTextOrNull(api::JsonObject& object, std::string_view name, std::string_view text) {
  if (text.empty())
    object.AddNull(name);
  else
    object.Add(name, text);
}

// 200 whatever it says: whoever asks wants to know of all services, and this one works.
Result<net::HttpResponse> HealthOfAll(const MonitoringDesk& desk) {
  const std::vector<Scrape> scrapes = desk.monitor.Scrapes();
  const NodesSeenPtr nodes = desk.monitor.Nodes();
  std::string body;
  api::JsonObject object(body);
  object.Add("status", Overall(scrapes, ScrapesOf(nodes)));
  api::AppendList(scrapes, object.Key("services"),
                  [&](const Scrape& scrape) { body += ScrapeJson(scrape); });
  api::AppendList(nodes == nullptr ? std::vector<NodeSeen>() : nodes->nodes, object.Key("nodes"),
                  [&](const NodeSeen& node) {
                    api::JsonObject one(body);
                    AddNodeHealth(one, node);
                    one.Close();
                  });
  object.Close();
  return hosting::JsonResponse(std::move(body));
}

void AppendNode(const NodeSeen& node, std::string& body) {
  api::JsonObject object(body);
  AddNodeHealth(object, node);
  AddTextOrNull(object, "url", node.node.url);
  const bool is_seen = node.not_looked_at.empty();
  AddTextOrNull(object, "error", is_seen ? node.scrape.error : node.not_looked_at);
  AddTextOrNull(object, "as_service", node.as_service);
  object.Add("tenants", node.node.tenants.size());
  object.Add("series_left_out", node.series_left_out);
  object.Close();
}

// Who runs all services learns here where nodes are and why one is not well.
void AddFleetStatus(api::JsonObject& object, const NodesSeenPtr& nodes, std::string& body) {
  if (nodes == nullptr) return object.AddNull("fleet");
  api::JsonObject fleet(object.Key("fleet"));
  const std::vector<const Scrape*> scrapes = ScrapesOf(nodes);
  fleet.Add("nodes", nodes->nodes.size());
  fleet.Add("ready", std::ranges::count_if(scrapes, [](const Scrape* one) { return one->ready; }));
  fleet.Add("down", std::ranges::count_if(scrapes, [](const Scrape* one) { return !one->up; }));
  fleet.Add("idle", nodes->idle);
  fleet.Add("unreadable", nodes->bad);
  fleet.Add("has_more", nodes->has_more);
  fleet.AddInstant("learned",
                   nodes->learned_us == 0 ? std::nullopt : std::optional(nodes->learned_us));
  AddTextOrNull(fleet, "error", nodes->learned.ok() ? "" : nodes->learned.message());
  api::AppendList(nodes->nodes, fleet.Key("list"),
                  [&](const NodeSeen& node) { AppendNode(node, body); });
  fleet.Close();
}

Result<net::HttpResponse> StatusOfAll(const MonitoringDesk& desk) {
  const std::vector<Scrape> scrapes = desk.monitor.Scrapes();
  const std::vector<Alert> alerts = desk.monitor.Alerts();
  const NodesSeenPtr nodes = desk.monitor.Nodes();
  Status series = desk.monitor.series_status();
  if (series.ok() && nodes != nullptr) series = nodes->series;
  std::string body;
  api::JsonObject object(body);
  object.Add("status", Overall(scrapes, ScrapesOf(nodes)));
  object.Add("services", scrapes.size());
  object.Add("ready", std::ranges::count_if(scrapes, &Scrape::ready));
  object.Add("firing", std::ranges::count_if(alerts, &Alert::firing));
  object.Add("rounds", desk.monitor.rounds());
  AddTextOrNull(object, "series_error", series.ok() ? "" : series.ToString());
  AddFleetStatus(object, nodes, body);
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
