// The methods of the service TenantNode (proto/storage.proto), one function a group; thin over
// Tenant. `state` outlives them.
#pragma once

#include <vector>

#include "granary/hosting/grpc_dispatcher.h"
#include "granary/services/tenant_node/node_state.h"

namespace granary::services {

inline constexpr const char* kGrpcService = "granary.v1.TenantNode";

void AddGrpcDataMethods(NodeState& state, std::vector<hosting::GrpcMethod>& methods);
void AddGrpcSourceMethods(NodeState& state, std::vector<hosting::GrpcMethod>& methods);

}  // namespace granary::services
