// Proxy: a request of a tenant's user passed on to the tenant's node, and the node's answer back,
// bodies in pieces both ways.
//
// Goes on    of a request's headers those of kPassed in proxy.cc, and no others: nothing that a
//            client writes can pass for what the gateway says of it.
// Fails      503 when the node cannot be reached, 502 when it breaks off before it answers (what
//            came of the request is not known then), 504 when it is silent for too long. An answer
//            that the node breaks off is cut for the client too.
// Cancels    a client that leaves takes its node's query along.
// Threads    fully safe.
#pragma once

#include "granary/hosting/router.h"
#include "granary/services/auth_gateway/gateway_state.h"
#include "granary/services/auth_gateway/node_api.h"

namespace granary::gateway {

/// Whether the node reads the body as it comes, so that the gateway passes it on so.
bool IsStreamedBody(const net::HttpRequest& request);

/// The node's whole API. `state` outlives the router.
void AddProxyRoutes(GatewayState& state, hosting::Router& router);

}  // namespace granary::gateway
