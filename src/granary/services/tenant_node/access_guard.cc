#include "granary/services/tenant_node/access_guard.h"

namespace granary::services {

bool IsOpen(const Config& config) {
  return config.allow_anonymous || !config.tls_client_ca_file.empty();
}

Status CheckAccess(const net::HttpRequest& request, bool allow_anonymous) {
  return CheckAccess(request.peer_is_loopback, allow_anonymous);
}

Status CheckAccess(bool peer_is_loopback, bool allow_anonymous) {
  if (allow_anonymous || peer_is_loopback) return Status::Ok();
  return {Code::kUnauthenticated,
          "no authentication is configured on this node, so it answers its own machine only; "
          "ALLOW_ANONYMOUS=true "
          "opens it to everybody who can reach it"};
}

}  // namespace granary::services
