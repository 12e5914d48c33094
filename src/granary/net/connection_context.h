// ConnectionContext: what the connections of one server share; outlives them.
//
// Threads    fully safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "granary/base/log.h"
#include "granary/net/handler_lanes.h"
#include "granary/net/http_message.h"
#include "granary/net/http_server.h"
#include "granary/net/request_id.h"

namespace granary::net {

struct ConnectionContext {
  ConnectionContext(HttpServerOptions server_options, Logger& logger, HttpHandler request_handler,
                    HttpServer::RefuseFn refuse_fn)
      : options(std::move(server_options)),
        log(logger),
        handler(std::move(request_handler)),
        refuse(std::move(refuse_fn)),
        lanes(options.handler_threads, options.patient_threads_max) {}

  const HttpServerOptions options;
  Logger& log;
  const HttpHandler handler;
  const HttpServer::RefuseFn refuse;
  RequestIdMaker ids;
  HandlerLanes lanes;
  std::atomic<bool> stopping = false;
  std::atomic<std::uint64_t> requests = 0;
  std::atomic<std::uint64_t> in_flight = 0;
  std::atomic<std::uint64_t> bodies_bytes = 0;   ///< In memory now.
  std::atomic<std::size_t> streamed_bodies = 0;  ///< Read by their handlers now.
};

}  // namespace granary::net
