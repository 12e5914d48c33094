// Who may call an Operation Node: whoever shows OPERATION_NODE_KEY, and, where none is shown, the
// machine itself, as with every service without authentication.
#pragma once

#include "granary/base/status.h"
#include "granary/net/http_message.h"
#include "granary/services/operation_node/config.h"

namespace granary::operation {

/// kUnauthenticated for a wrong key from wherever it comes, and for other machines without one.
Status CheckCaller(const net::HttpRequest& request, const Config& config);

/// The same for what tenants have stored: where nodes answer nobody but a gateway, this machine does
/// not come around it by way of this service, and the key must be shown.
Status CheckDataCaller(const net::HttpRequest& request, const Config& config);

}  // namespace granary::operation
