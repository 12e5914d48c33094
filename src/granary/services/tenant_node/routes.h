// The routes of a Tenant Node, one function a group. `state` outlives the router.
#pragma once

#include "granary/hosting/router.h"
#include "granary/services/tenant_node/node_state.h"

namespace granary::services {

void AddDataRoutes(NodeState& state, hosting::Router& router);    ///< /data/…
void AddExplainRoute(NodeState& state, hosting::Router& router);  ///< /data/explain
void AddSourceRoutes(NodeState& state, hosting::Router& router);  ///< /sources…
void AddTenantRoutes(NodeState& state, hosting::Router& router);  ///< /tenant/stats
void AddNodeRoutes(NodeState& state,
                   hosting::Router& router);  ///< /health…, /metrics, /openapi.json
void AddQueryRoutes(NodeState& state, hosting::Router& router);       ///< /queries…
void AddCompactionRoutes(NodeState& state, hosting::Router& router);  ///< …/compact, /jobs…
void AddScalingRoute(NodeState& state, hosting::Router& router);      ///< /scaling
void AddPartRoute(NodeState& state, hosting::Router& router);  ///< /parts, of the Operation Node
void AddLaterRoutes(hosting::Router& router);  ///< The contract's others: 501 by name.

hosting::Router MakeRouter(NodeState& state);

}  // namespace granary::services
