// RestDoor: a service's HTTP server with its routes behind it.
//
// Threads    Listen and Stop from one thread.
// Owns       server and dispatcher. Log, clock and metrics outlive it.
#pragma once

#include <cstdint>
#include <memory>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/dispatcher.h"
#include "granary/hosting/metrics.h"
#include "granary/hosting/router.h"
#include "granary/hosting/server_handle.h"
#include "granary/io/clock.h"
#include "granary/net/http_server.h"

namespace granary::hosting {

class RestDoor {
 public:
  /// kConflict when the port is taken. `options` without lane_of and admit, which the routes say;
  /// `handle` is told of the server before Listen returns.
  static Result<std::unique_ptr<RestDoor>> Listen(net::HttpServerOptions options, Logger& log,
                                                  const io::Clock& clock, Metrics& metrics,
                                                  Router router, DispatcherOptions dispatch,
                                                  ServerHandle& handle);
  ~RestDoor();

  std::uint16_t port() const { return server_->port(); }
  /// Running requests may finish for so long.
  void Stop(std::int64_t grace_ms) { server_->Stop(grace_ms); }

 private:
  RestDoor(Logger& log, const io::Clock& clock, Metrics& metrics, Router router,
           DispatcherOptions dispatch);

  Dispatcher dispatcher_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace granary::hosting
