// The console's way to the Operation Node: a narrow set of its paths, under /console/fleet of this
// service, for operators (access.h).
#pragma once

#include "granary/hosting/router.h"
#include "granary/services/monitoring/fleet_link.h"

namespace granary::services {

/// `link` outlives the router.
void AddFleetRoutes(const FleetLink& link, hosting::Router& router);

}  // namespace granary::services
