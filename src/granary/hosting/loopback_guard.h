// Who may call a service on which no authentication is configured: this machine, or, when the
// operator says so, anybody.
#pragma once

#include <string_view>

#include "granary/base/status.h"
#include "granary/hosting/server_config.h"
#include "granary/net/http_message.h"

namespace granary::hosting {

/// Of a host, also one with a port behind it: true for "localhost" and what is a loopback address.
bool IsThisMachine(std::string_view host);

/// True when whoever can connect may call: the operator says so, or every connection has shown a
/// certificate that TLS_CLIENT_CA_FILE vouches for.
bool IsOpen(const ServerConfig& config);

/// kUnauthenticated for other machines, unless the service is open.
Status CheckPeer(bool peer_is_loopback, const ServerConfig& config);

/// kUnauthenticated for a request (its headers, or a call's metadata) that may come from a web page,
/// which browsers send in the name of whoever looks at it: it has an Origin, or its Host is no name
/// of this machine (another name that was made to lead here).
Status CheckNotBrowser(const net::Headers& headers);

}  // namespace granary::hosting
