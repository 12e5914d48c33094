#include <string>

#include "granary/api/json_object.h"
#include "granary/hosting/responses.h"
#include "granary/services/monitoring/routes.h"

namespace granary::services {
namespace {

template <typename Items, typename ToJson>
std::string JsonList(const Items& items, const ToJson& to_json) {
  std::string out = "[";
  for (const auto& item : items) out += to_json(item) + ",";
  if (out.back() == ',') out.pop_back();
  return out + "]";
}

Result<net::HttpResponse> ListAlerts(const MonitoringDesk& desk, hosting::RouteCall&) {
  const std::vector<Alert> alerts = desk.monitor.Alerts();
  std::string body;
  api::JsonObject object(body);
  object.Key("alerts").append(JsonList(alerts, [&](const Alert& alert) {
    return AlertJson(alert, alert.firing ? "firing" : "pending", desk.silences.Covers(alert));
  }));
  object.Key("rules").append(JsonList(desk.monitor.rules(), AlertRuleJson));
  object.Key("silences").append(JsonList(desk.silences.Active(), SilenceJson));
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
