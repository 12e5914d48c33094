// What the console asks of the Auth Gateway, row by row: it can do no more than it shows.
#include "granary/services/monitoring/console_routes.h"

#include <string>
#include <string_view>

#include "granary/net/request_target.h"
#include "granary/services/monitoring/access.h"

namespace granary::services {
namespace {

struct ForwardedRoute {
  std::string_view method, pattern;
};

// clang-format off
constexpr ForwardedRoute kForwarded[] = {
    {"POST",   "/auth/login"},
    {"POST",   "/auth/refresh"},
    {"POST",   "/auth/logout"},
    {"GET",    "/auth/me"},
    {"GET",    "/auth/users"},
    {"GET",    "/auth/roles"},
    {"GET",    "/auth/keys"},
    {"POST",   "/auth/keys"},
    {"DELETE", "/auth/keys/{id}"},
    {"GET",    "/tenant/stats"},
    {"GET",    "/sources"},
    {"POST",   "/sources/add"},
    {"GET",    "/sources/{id}"},
    {"GET",    "/sources/{id}/stats"},
    {"GET",    "/sources/{id}/paths"},
    {"GET",    "/sources/{id}/compaction"},
    {"POST",   "/sources/{id}/flush"},
    {"POST",   "/sources/{id}/compact"},
    {"POST",   "/data/search"},
    {"POST",   "/data/search/stream"},
    {"POST",   "/data/aggregate"},
    {"POST",   "/data/explain"},
    {"GET",    "/queries"},
    {"DELETE", "/queries/{id}"},
};
// clang-format on

/// "/v1/console/api/sources/a" -> "/sources/a".
std::string_view GatewayPath(std::string_view path) {
  return path.substr(path.find(kConsoleApi) + kConsoleApi.size());
}

}  // namespace

void AddConsoleRoutes(GatewayLink& link, hosting::Router& router) {
  for (const ForwardedRoute& row : kForwarded) {
    router.Add({.method = std::string(row.method),
                .pattern = std::string(kConsoleApi) + std::string(row.pattern),
                .handler = [&link](hosting::RouteCall& call) -> Result<net::HttpResponse> {
                  const net::HttpRequest& request = call.request;
                  auto answer = link.Forward(
                      request, net::FormatTarget(GatewayPath(request.path), request.query));
                  if (answer.status().code() != Code::kIoError) return answer;
                  call.problem_status = 502;  // As the gateway says it of a node.
                  return Status(Code::kUnavailable, std::string(answer.status().message()));
                },
                .lane = net::HandlerLane::kPatient,  // A query may take its time.
                .any_query = true});
  }
}

}  // namespace granary::services
