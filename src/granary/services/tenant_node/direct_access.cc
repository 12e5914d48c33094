#include "granary/services/tenant_node/direct_access.h"

#include "granary/hosting/credential.h"
#include "granary/hosting/loopback_guard.h"

namespace granary::services {

Status CheckDirect(const net::Headers& headers, bool peer_is_loopback, const Config& config) {
  GRANARY_TRY(hosting::CheckShowsNone(headers));
  if (config.gateway_jwks.empty() || peer_is_loopback || hosting::IsOpen(config))
    return Status::Ok();
  return {
      Code::kUnauthenticated,
      "this node answers other machines through its Auth Gateway alone: send the request there, "
      "with an API key or an access token"};
}

}  // namespace granary::services
