// Requests that come to a node around the Auth Gateway: without its token.
//
// Threads    pure functions.
#pragma once

#include <string_view>

#include "granary/base/status.h"
#include "granary/net/http_message.h"
#include "granary/services/tenant_node/config.h"

namespace granary::services {

/// Names the tenant of such a request, where a node serves many; without it TENANT_ID's is meant.
inline constexpr std::string_view kTenantHeader = "X-Tenant-Id";

/// Whether such a request may be looked at further (GatewayGuard::Check). kUnauthenticated for one
/// that shows a key or token, which the node does not know and whose holder may be of another
/// tenant, and for one of another machine where a gateway is configured. Both are told to go there.
Status CheckDirect(const net::Headers& headers, bool peer_is_loopback, const Config& config);

}  // namespace granary::services
