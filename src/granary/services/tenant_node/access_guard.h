// Who may call a node on which no authentication is configured: this machine, or, when the operator
// says so, anybody.
#pragma once

#include "granary/base/status.h"
#include "granary/net/http_message.h"

namespace granary::services {

/// kUnauthenticated for other machines unless `allow_anonymous`.
Status CheckAccess(const net::HttpRequest& request, bool allow_anonymous);

}  // namespace granary::services
