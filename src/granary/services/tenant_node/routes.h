// The routes of a Tenant Node, one function a group. `state` outlives the router.
#pragma once

#include "granary/services/tenant_node/node_state.h"
#include "granary/services/tenant_node/router.h"

namespace granary::services {

void AddDataRoutes(NodeState& state, Router& router);    ///< /data/…
void AddExplainRoute(NodeState& state, Router& router);  ///< /data/explain
void AddSourceRoutes(NodeState& state, Router& router);  ///< /sources…
void AddTenantRoutes(NodeState& state, Router& router);  ///< /tenant/stats, /health…, /openapi.json
void AddMetricsRoute(NodeState& state, Router& router);      ///< /metrics
void AddQueryRoutes(NodeState& state, Router& router);       ///< /queries…
void AddCompactionRoutes(NodeState& state, Router& router);  ///< …/compact, /jobs…
void AddLaterRoutes(Router& router);  ///< The contract's others: 501 by name.

Router MakeRouter(NodeState& state);

}  // namespace granary::services
