// POST /data/search/stream: as many rows as there are, in the form that Accept picks.
#pragma once

#include "granary/services/tenant_node/node_state.h"
#include "granary/services/tenant_node/router.h"

namespace granary::services {

Result<net::HttpResponse> SearchStream(NodeState& state, RouteCall& call);

}  // namespace granary::services
