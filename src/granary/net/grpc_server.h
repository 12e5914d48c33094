// GrpcServer: gRPC over HTTP/2; every call goes to one handler, whatever its method, on threads of
// its own. grpc.health.v1.Health is served by itself.
//
// Limits     each named, configurable: message bytes, bytes of all messages in memory, calls, time
//            without progress in either direction. A message a little over the limit is refused by
//            `refuse` (with details); one far over it by the library, RESOURCE_EXHAUSTED alone.
// Start      of a call: its handler gets a thread when its first message is there, so a client that
//            opens calls and says nothing holds no thread.
// Threads    Start and Stop from one thread; handlers run in three lanes, see handler_lanes.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/net/grpc_message.h"
#include "granary/net/handler_lanes.h"
#include "granary/net/tls_context.h"
#include "granary/runtime/memory_budget.h"

namespace granary::net {

struct GrpcServerOptions {
  std::string host = "0.0.0.0";
  std::uint16_t port = 50051;  ///< 0 picks a free one.
  std::size_t handler_threads = 64;
  std::size_t patient_threads_max = 4096;  ///< For calls in the patient lane.
  std::size_t calls_max = 4096;            ///< Open at once; further ones get kOverloaded.
  std::uint64_t message_bytes_max = 16u << 20;
  std::uint64_t messages_bytes_max = 1u << 30;  ///< Of all calls at once; past it kOverloaded.
  /// What the library may hold, above all messages that are not whole yet: it hands over whole ones
  /// only, so these are in nobody's budget, and it ends calls that would take it further.
  std::uint64_t incoming_bytes_max = 1u << 30;
  /// Counts them besides, and refuses the same way; outlives the server. May be null.
  runtime::MemoryBudget* messages = nullptr;
  std::uint64_t metadata_bytes_max = 16u << 10;
  std::int64_t read_timeout_ms = 60'000;   ///< A client stream without a message.
  std::int64_t write_timeout_ms = 60'000;  ///< A client that takes nothing.
  /// Which lane a call of a method runs in; kOrdinary when not set.
  std::function<HandlerLane(const std::string& method)> lane_of;
  std::shared_ptr<const TlsContext> tls;  ///< Without it, plain.
  std::vector<std::string> services;      ///< Names that server reflection lists.
};

struct GrpcServerStats {
  std::uint64_t calls = 0;  ///< Ever begun.
  std::uint64_t open = 0;
  std::uint64_t message_bytes = 0;  ///< Of clients' messages in handlers' hands.
};

class GrpcServer {
 public:
  /// Makes the end of a call that the server itself refuses.
  using RefuseFn = std::function<GrpcEnd(const Status& status, const GrpcCall& call)>;

  /// kConflict when the port is taken (says which), kIoError otherwise.
  static Result<std::unique_ptr<GrpcServer>> Start(GrpcServerOptions options, Logger& log,
                                                   GrpcHandler handler, RefuseFn refuse);
  ~GrpcServer();

  std::uint16_t port() const;
  GrpcServerStats stats() const;
  /// What grpc.health.v1 says from now on, of the server and of each service.
  void SetServing(bool serving);
  /// Takes no new calls, lets running ones finish for up to `grace_ms`, cancels the rest, joins.
  void Stop(std::int64_t grace_ms);

 private:
  struct State;
  explicit GrpcServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace granary::net
