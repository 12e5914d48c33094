// The console's way to the Auth Gateway: a narrow set of its paths, under /console/api of this
// service, so that a browser has one origin and the gateway needs no CORS.
#pragma once

#include "granary/hosting/router.h"
#include "granary/services/monitoring/gateway_link.h"

namespace granary::services {

/// `link` outlives the router.
void AddConsoleRoutes(GatewayLink& link, hosting::Router& router);

}  // namespace granary::services
