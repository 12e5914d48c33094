#include "granary/services/tenant_node/access_guard.h"

namespace granary::services {

Status CheckAccess(const net::HttpRequest& request, bool allow_anonymous) {
  if (allow_anonymous || request.peer_is_loopback) return Status::Ok();
  return {Code::kUnauthenticated,
          "no authentication is configured on this node, so it answers its own machine only; "
          "ALLOW_ANONYMOUS=true "
          "opens it to everybody who can reach it"};
}

}  // namespace granary::services
