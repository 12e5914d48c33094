// HttpServer: HTTP/1.1 on Boost.Beast coroutines; handlers run on threads of their own, so a slow
// query never holds up a health check or a new connection.
//
// Limits     each named, configurable, answered with problem+json by `refuse` (413, 431, 408, 400):
//            header and body bytes, header and body time, connections. Content-Length together with
//            Transfer-Encoding is 400 and closes. An early refusal drains at most drain_bytes_max,
//            then closes.
// Threads    Start and Stop from one thread; handlers run in three lanes, see handler_lanes.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/net/handler_lanes.h"
#include "granary/net/http_message.h"
#include "granary/net/tls_context.h"
#include "granary/runtime/memory_budget.h"

namespace granary::net {

struct HttpServerOptions {
  std::string host = "0.0.0.0";
  std::uint16_t port = 8000;  ///< 0 picks a free one.
  std::size_t io_threads = 1;
  std::size_t handler_threads = 64;
  std::size_t patient_threads_max = 4096;  ///< For requests in the patient lane.
  std::size_t connections_max = 4096;
  std::uint64_t body_bytes_max = 16u << 20;
  std::uint64_t bodies_bytes_max =
      1u << 30;  ///< Of all requests at once; past it they get kOverloaded.
  /// Counts them besides, and refuses the same way; outlives the server. May be null.
  runtime::MemoryBudget* bodies = nullptr;
  /// Answers of at least so many bytes, and all streams, are compressed for who takes that.
  std::size_t compress_bytes_min = 1024;
  std::uint64_t body_ratio_max = 500;  ///< By how much a compressed body may grow.
  std::uint64_t header_bytes_max = 16u << 10;
  std::uint64_t drain_bytes_max = 1u << 20;
  std::int64_t header_timeout_ms = 10'000;  ///< Of a TLS handshake too.
  std::int64_t body_timeout_ms = 60'000;    ///< Without progress.
  /// A body that is read before its handler runs must come this far in each body_timeout_ms, or to
  /// its end: a byte now and then is no progress.
  std::uint64_t body_progress_bytes = 64u << 10;
  std::int64_t idle_timeout_ms = 75'000;
  std::int64_t write_timeout_ms = 60'000;  ///< Without progress.
  /// For what an answer that ends midway says last: so long its client may take over it.
  std::int64_t last_words_ms = 1'000;
  std::shared_ptr<const TlsContext> tls;  ///< Without it, plain.
  /// Asked once of each request, before its body takes more memory than what came along with its
  /// head, and before it is decompressed: whoever is refused cannot fill bodies_bytes_max. It runs
  /// in the request's lane. Everything is admitted when not set.
  AdmitFn admit;
  /// Which lane a request runs in; kOrdinary when not set.
  std::function<HandlerLane(const HttpRequest&)> lane_of;
  /// Requests whose handler reads the body as it comes, of any length (HttpRequest::body_source);
  /// body_bytes_max is not for them. None when not set.
  std::function<bool(const HttpRequest&)> streams_body;
  /// Of them at once, since each holds memory for as long as its client takes. Past it they get
  /// kOverloaded.
  std::size_t streamed_bodies_max = 32;
};

struct HttpServerStats {
  std::uint64_t connections = 0;  ///< Open now.
  std::uint64_t requests = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t body_bytes = 0;  ///< Of requests that are being read or answered.
};

class HttpServer {
 public:
  /// Makes the answer to a request that the server itself refuses. `http_status` is what HTTP has
  /// for it where the code alone does not say (431, 408), else nothing.
  using RefuseFn = std::function<HttpResponse(const Status& status, std::optional<int> http_status,
                                              const std::string& request_id)>;

  /// kConflict when the port is taken (says which), kIoError otherwise.
  static Result<std::unique_ptr<HttpServer>> Start(HttpServerOptions options, Logger& log,
                                                   HttpHandler handler, RefuseFn refuse);
  ~HttpServer();

  std::uint16_t port() const;
  HttpServerStats stats() const;
  /// Stops accepting, lets running requests finish for up to `grace_ms`, cancels the rest, joins.
  void Stop(std::int64_t grace_ms);

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace granary::net
