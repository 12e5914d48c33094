// GrpcDispatcher: one gRPC call from its method's name to its end: access, the method, failures
// with their details, metrics and a log line. What Dispatcher is to REST.
//
// Threads    fully safe.
#pragma once

#include <string>
#include <vector>

#include "granary/net/grpc_message.h"
#include "granary/services/tenant_node/gateway_guard.h"
#include "granary/services/tenant_node/grpc_methods.h"
#include "granary/services/tenant_node/node_state.h"

namespace granary::services {

class GrpcDispatcher {
 public:
  GrpcDispatcher(NodeState& state, GatewayGuard& guard);

  net::GrpcEnd Handle(net::GrpcCall& call, net::GrpcMessages& messages) const;
  /// For what the server refuses before there is a handler.
  net::GrpcEnd Refuse(const Status& status, const net::GrpcCall& call) const;
  /// HealthCheck, which never waits behind queries.
  net::HandlerLane LaneOf(const std::string& path) const;

 private:
  const GrpcMethod* Find(std::string_view path) const;
  /// `hides`: the client was told less than `status` says.
  void Record(const net::GrpcCall& call, const GrpcMethod* method, std::int64_t start_ns,
              const Status& status, bool hides) const;

  NodeState& state_;
  GatewayGuard& guard_;
  std::vector<GrpcMethod> methods_;
};

}  // namespace granary::services
