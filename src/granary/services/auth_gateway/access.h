// Access of a request: whose key or token it shows, and whether they ask too often.
//
// Threads    pure but for the state, which is fully safe.
#pragma once

#include <string>

#include "granary/base/status.h"
#include "granary/hosting/dispatcher.h"
#include "granary/net/http_message.h"
#include "granary/services/auth_gateway/gateway_state.h"

namespace granary::gateway {

/// The one key or token that a request shows, in Authorization or X-API-Key. kUnauthenticated when
/// there is none, are two, or it is of a scheme that is not taken.
Result<std::string> CredentialOf(const net::HttpRequest& request);

/// For logging in, refreshing and the public keys nobody must be known yet. Any other request gets
/// its Identity, and RateLimit-* headers where a limit holds.
hosting::Access CheckAccess(GatewayState& state, const net::HttpRequest& request);

/// Of a request of an operator's about another tenant, which they name: whether it is there.
/// kInvalidRequest at /tenant_id when it is not, kUnavailable while that is not known. OK of any
/// other, since nobody else is told which tenants there are.
Status CheckNamedTenant(GatewayState& state, const hosting::RouteCall& call,
                        const std::optional<std::string>& tenant);

/// What a refusal after too many wrong passwords carries: one more attempt, once the wait is over.
/// Nothing for no wait.
void AddLoginWait(hosting::RouteCall& call, std::int64_t wait_s);

/// For routes that are the fleet's alone: whoever shows OPERATION_NODE_KEY, or is an Operation Node
/// of this process. kUnauthenticated.
Status CheckFleet(const Config& config, const net::HttpRequest& request);

}  // namespace granary::gateway
