// What the contract has and this version does not: answered by name, so that nobody takes it for a
// typo.
#include <fmt/format.h>

#include "granary/services/tenant_node/routes.h"

namespace granary::services {
namespace {

struct LaterRoute {
  const char* method;
  const char* pattern;
  bool needs_access = true;
};

constexpr LaterRoute kLater[] = {
    {"POST", "/sources/{id}/compact"},
    {"GET", "/jobs/{id}"},
    {"POST", "/data/delete"},
    {"POST", "/data/explain"},
    {"POST", "/sql"},
    {"GET", "/openapi.json", false},
};

}  // namespace

void AddLaterRoutes(Router& router) {
  for (const LaterRoute& later : kLater) {
    const std::string name = fmt::format("{} {}", later.method, later.pattern);
    router.Add({.method = later.method,
                .pattern = later.pattern,
                .handler = [name](RouteCall&) -> Result<net::HttpResponse> {
                  return Status::Unsupported(
                      fmt::format("{} is not offered by this version", name));
                },
                .needs_access = later.needs_access,
                .query = {"wait", "analyze"}});
  }
}

Router MakeRouter(NodeState& state) {
  Router router;
  AddDataRoutes(state, router);
  AddSourceRoutes(state, router);
  AddTenantRoutes(state, router);
  AddMetricsRoute(state, router);
  AddQueryRoutes(state, router);
  AddLaterRoutes(router);
  return router;
}

}  // namespace granary::services
