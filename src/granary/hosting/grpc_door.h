// GrpcDoor: a service's gRPC server with its methods behind it. What RestDoor is to REST.
//
// Threads    Listen, SetServing and Stop from one thread.
// Owns       server and dispatcher. Log, clock and metrics outlive it.
#pragma once

#include <cstdint>
#include <memory>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/grpc_dispatcher.h"
#include "granary/hosting/metrics.h"
#include "granary/io/clock.h"
#include "granary/net/grpc_server.h"

namespace granary::hosting {

class GrpcDoor {
 public:
  /// kConflict when the port is taken. `options` without lane_of and services, which the methods
  /// say. grpc.health.v1 says NOT_SERVING until SetServing.
  static Result<std::unique_ptr<GrpcDoor>> Listen(net::GrpcServerOptions options, Logger& log,
                                                  const io::Clock& clock, Metrics& metrics,
                                                  GrpcDispatcherOptions dispatch);
  ~GrpcDoor();

  std::uint16_t port() const { return server_->port(); }
  void SetServing(bool serving) { server_->SetServing(serving); }
  /// Running calls may finish for so long.
  void Stop(std::int64_t grace_ms) { server_->Stop(grace_ms); }

 private:
  GrpcDoor(Logger& log, const io::Clock& clock, Metrics& metrics, GrpcDispatcherOptions dispatch);

  GrpcDispatcher dispatcher_;
  std::unique_ptr<net::GrpcServer> server_;
};

}  // namespace granary::hosting
