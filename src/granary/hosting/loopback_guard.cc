#include "granary/hosting/loopback_guard.h"

namespace granary::hosting {

bool IsOpen(const ServerConfig& config) {
  return config.allow_anonymous || !config.tls_client_ca_file.empty();
}

Status CheckPeer(bool peer_is_loopback, const ServerConfig& config) {
  if (peer_is_loopback || IsOpen(config)) return Status::Ok();
  return {Code::kUnauthenticated,
          "no authentication is configured on this service, so it answers its own machine only; "
          "ALLOW_ANONYMOUS=true opens it to everybody who can reach it"};
}

}  // namespace granary::hosting
