#include "granary/services/operation_node/access.h"

#include "granary/hosting/fleet_guard.h"

namespace granary::operation {

Status CheckDataCaller(const net::HttpRequest& request, const Config& config) {
  const bool behind_gateway = !config.gateway_jwks.empty() && config.gateway_required;
  if (!behind_gateway || request.headers.Get("Authorization"))
    return hosting::CheckFleetProgram(request, config);
  return {Code::kUnauthenticated,
          "with GATEWAY_REQUIRED the data of tenants is for who shows "
          "OPERATION_NODE_KEY as 'Authorization: Bearer …'"};
}

}  // namespace granary::operation
