// What the console asks of the Operation Node, row by row: it can do no more than it shows. It
// deletes no tenant: that takes data along, and is asked for where one says so twice.
#include "granary/services/monitoring/fleet_routes.h"

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "granary/base/ids.h"
#include "granary/hosting/responses.h"
#include "granary/net/request_target.h"
#include "granary/services/monitoring/access.h"

namespace granary::services {
namespace {

struct FleetRoute {
  std::string_view method, pattern;
};

// clang-format off
constexpr FleetRoute kFleetRoutes[] = {
    {"GET",  "/tenants"},
    {"POST", "/tenants"},
    {"GET",  "/tenants/{id}"},
    {"POST", "/tenants/{id}/suspend"},
    {"POST", "/tenants/{id}/resume"},
    {"PUT",  "/tenants/{id}/quota"},
    {"GET",  "/nodes"},
};
// clang-format on

/// "/v1/console/fleet/tenants/a" -> "/tenants/a".
std::string_view OperationPath(std::string_view path) {
  return path.substr(path.find(kFleetApi) + kFleetApi.size());
}

// An id with a slash, or "..", would name something else there.
Status CheckIds(const hosting::RouteCall& call) {
  for (const std::string& id : call.parameters)
    if (!IsIdentifier(id)) return InvalidIdentifier(id);
  return Status::Ok();
}

Result<net::HttpResponse> ForwardToFleet(const FleetLink& link, hosting::RouteCall& call) {
  GRANARY_TRY(CheckIds(call));
  const net::HttpRequest& request = call.request;
  const auto* who = static_cast<const MonitoringCaller*>(call.who.get());
  const std::string actor =
      who == nullptr ? "console" : fmt::format("user {} of {}", who->user, who->tenant);
  auto answer =
      link.Forward(request, net::FormatTarget(OperationPath(request.path), request.query), actor);
  if (answer.status().code() != Code::kIoError) return answer;
  call.problem_status = 502;
  return Status(Code::kUnavailable, std::string(answer.status().message()));
}

}  // namespace

void AddFleetRoutes(const FleetLink& link, hosting::Router& router) {
  for (const FleetRoute& row : kFleetRoutes) {
    router.Add({.method = std::string(row.method),
                .pattern = std::string(kFleetApi) + std::string(row.pattern),
                .handler = [&link](hosting::RouteCall& call) { return ForwardToFleet(link, call); },
                .lane = net::HandlerLane::kPatient,
                .any_query = true});
  }
  router.Add({.method = "GET",
              .pattern = std::string(kFleetApi) + "/tenants/{id}/size",
              .handler = [&link](hosting::RouteCall& call) -> Result<net::HttpResponse> {
                GRANARY_TRY(CheckIds(call));
                GRANARY_ASSIGN(std::string size, link.SizeOf(call.parameters[0], call.request));
                return hosting::JsonResponse(std::move(size));
              },
              .lane = net::HandlerLane::kPatient});
}

}  // namespace granary::services
