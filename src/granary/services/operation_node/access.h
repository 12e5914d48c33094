// Who may see, through the Operation Node, what tenants have stored.
#pragma once

#include "granary/base/status.h"
#include "granary/net/http_message.h"
#include "granary/services/operation_node/config.h"

namespace granary::operation {

/// hosting::CheckFleetProgram; and where nodes answer nobody but a gateway, this machine does not
/// come around it by way of this service, and the key must be shown.
Status CheckDataCaller(const net::HttpRequest& request, const Config& config);

}  // namespace granary::operation
