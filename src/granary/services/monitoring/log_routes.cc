#include <string>

#include "granary/hosting/log_route.h"
#include "granary/hosting/responses.h"
#include "granary/services/monitoring/routes.h"

namespace granary::services {

void AddLogRoutes(const FindMonitoringDesk& find, hosting::Router& router) {
  router.Add({.method = "GET",
              .pattern = "/logs/{service}",
              .handler = [find](hosting::RouteCall& call) -> Result<net::HttpResponse> {
                GRANARY_ASSIGN(const auto desk, find());
                GRANARY_ASSIGN(std::string page, desk->logs.Read(call.parameters[0], call.request));
                net::HttpResponse response = hosting::JsonResponse(std::move(page));
                response.headers.Set("Cache-Control", "no-store");
                return response;
              },
              .query = {hosting::kLogParameters.begin(), hosting::kLogParameters.end()}});
}

}  // namespace granary::services
