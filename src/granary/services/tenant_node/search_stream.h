// POST /data/search/stream: as many rows as there are, in the form that Accept picks.
#pragma once

#include "granary/hosting/router.h"
#include "granary/services/tenant_node/node_state.h"

namespace granary::services {

Result<net::HttpResponse> SearchStream(NodeState& state, hosting::RouteCall& call);

}  // namespace granary::services
