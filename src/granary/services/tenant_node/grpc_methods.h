// The methods of the service TenantNode (proto/storage.proto), one function a group; thin over
// Tenant. `state` outlives them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/net/grpc_message.h"
#include "granary/net/handler_lanes.h"
#include "granary/services/tenant_node/node_state.h"

namespace granary::services {

inline constexpr const char* kGrpcService = "granary.v1.TenantNode";

/// A call on its way through a method.
struct GrpcMethodCall {
  net::GrpcCall& call;
  net::GrpcMessages& messages;
  std::map<std::string, std::string> error_metadata = {};  ///< For ErrorInfo, should it fail.
  Rights rights = {};

  /// The one message of a call that is no client stream. kInvalidRequest when there is none.
  Result<std::string> Request();
};

struct GrpcMethod {
  std::string name;  ///< "WriteData"
  std::function<Status(GrpcMethodCall& call)> handler;
  bool needs_access = true;  ///< HealthCheck does not.
  net::HandlerLane lane = net::HandlerLane::kOrdinary;
};

void AddGrpcDataMethods(NodeState& state, std::vector<GrpcMethod>& methods);
void AddGrpcSourceMethods(NodeState& state, std::vector<GrpcMethod>& methods);

}  // namespace granary::services
