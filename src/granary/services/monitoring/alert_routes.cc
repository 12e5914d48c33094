#include <string>

#include "granary/api/json_object.h"
#include "granary/hosting/responses.h"
#include "granary/services/monitoring/routes.h"

namespace granary::services {
namespace {

Result<net::HttpResponse> ListAlerts(const MonitoringDesk& desk, hosting::RouteCall&) {
  const std::vector<Alert> alerts = desk.monitor.Alerts();
  std::string body;
  api::JsonObject object(body);
  api::AppendList(alerts, object.Key("alerts"), [&](const Alert& alert) {
    body += AlertJson(alert, alert.firing ? "firing" : "pending", desk.silences.Covers(alert));
  });
  api::AppendList(desk.monitor.rules(), object.Key("rules"),
                  [&](const AlertRule& rule) { body += AlertRuleJson(rule); });
  api::AppendList(desk.silences.Active(), object.Key("silences"),
                  [&](const Silence& silence) { body += SilenceJson(silence); });
  object.Close();
  return hosting::JsonResponse(std::move(body));
}

Result<net::HttpResponse> AddSilence(const MonitoringDesk& desk, hosting::RouteCall& call) {
  GRANARY_ASSIGN(Silence silence,
                 ParseSilence(call.request.body, desk.monitor.rules(), desk.clock.WallMicros()));
  GRANARY_ASSIGN(silence, desk.silences.Add(std::move(silence)));
  return hosting::JsonResponse(SilenceJson(silence), 201);
}

Result<net::HttpResponse> EndSilence(const MonitoringDesk& desk, hosting::RouteCall& call) {
  GRANARY_TRY(desk.silences.End(call.parameters[0]));
  return hosting::JsonResponse("", 204);
}

}  // namespace

void AddAlertRoutes(const FindMonitoringDesk& find, hosting::Router& router) {
  const auto add = [&](std::string method, std::string pattern, auto handler) {
    router.Add({.method = std::move(method),
                .pattern = std::move(pattern),
                .handler = [find, handler](hosting::RouteCall& call) -> Result<net::HttpResponse> {
                  GRANARY_ASSIGN(const auto desk, find());
                  return handler(*desk, call);
                }});
  };
  add("GET", "/alerts", ListAlerts);
  add("POST", "/alerts/silences", AddSilence);
  add("DELETE", "/alerts/silences/{id}", EndSilence);
}

}  // namespace granary::services
