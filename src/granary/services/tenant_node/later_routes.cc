// What the contract has and this version does not: answered by name, so that nobody takes it for a
// typo.
#include <fmt/format.h>

#include "granary/services/tenant_node/routes.h"

namespace granary::services {
namespace {

struct LaterRoute {
  const char* method;
  const char* pattern;
};

const LaterRoute kLater[] = {
    {"POST", "/sql"},
};

}  // namespace

void AddLaterRoutes(hosting::Router& router) {
  for (const LaterRoute& later : kLater) {
    const std::string name = fmt::format("{} {}", later.method, later.pattern);
    router.Add({.method = later.method,
                .pattern = later.pattern,
                .handler = [name](hosting::RouteCall&) -> Result<net::HttpResponse> {
                  return Status::Unsupported(
                      fmt::format("{} is not offered by this version", name));
                }});
  }
}

hosting::Router MakeRouter(NodeState& state) {
  hosting::Router router;
  AddDataRoutes(state, router);
  AddExplainRoute(state, router);
  AddSourceRoutes(state, router);
  AddTenantRoutes(state, router);
  AddNodeRoutes(state, router);
  AddQueryRoutes(state, router);
  AddCompactionRoutes(state, router);
  AddScalingRoute(state, router);
  AddPartRoute(state, router);
  AddLaterRoutes(router);
  // A tenant that is being opened must not hold threads that others need.
  if (state.config.node_capacity > 1)
    router.MoveLane(net::HandlerLane::kOrdinary, net::HandlerLane::kPatient);
  return router;
}

}  // namespace granary::services
