// Who may call a service that the services of a fleet call: whoever shows OPERATION_NODE_KEY, the
// secret that they share, and, where none is shown, the machine itself, as with every service
// without authentication.
#pragma once

#include "granary/base/status.h"
#include "granary/hosting/server_config.h"
#include "granary/net/http_message.h"

namespace granary::hosting {

/// kUnauthenticated for a wrong key from wherever it comes, and for other machines without one.
Status CheckFleetCaller(const net::HttpRequest& request, const ServerConfig& config);

/// The same, and kUnauthenticated for a web page that shows no key (CheckNotBrowser).
Status CheckFleetProgram(const net::HttpRequest& request, const ServerConfig& config);

}  // namespace granary::hosting
