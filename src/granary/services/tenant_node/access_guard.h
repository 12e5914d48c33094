// Who may call a node on which no authentication is configured: this machine, or, when the operator
// says so, anybody.
#pragma once

#include "granary/base/status.h"
#include "granary/net/http_message.h"
#include "granary/services/tenant_node/config.h"

namespace granary::services {

/// True when whoever can connect may call: the operator says so, or every connection has shown a
/// certificate that TLS_CLIENT_CA_FILE vouches for.
bool IsOpen(const Config& config);

/// kUnauthenticated for other machines unless `allow_anonymous`.
Status CheckAccess(bool peer_is_loopback, bool allow_anonymous);
Status CheckAccess(const net::HttpRequest& request, bool allow_anonymous);

}  // namespace granary::services
