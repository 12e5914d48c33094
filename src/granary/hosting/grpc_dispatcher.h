// GrpcDispatcher: one gRPC call from its method's name to its end: access, the method, failures
// with their details, metrics and a log line. What Dispatcher is to REST.
//
// Threads    fully safe.
// Owns       the methods. Log, clock and metrics outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/dispatcher.h"
#include "granary/hosting/metrics.h"
#include "granary/io/clock.h"
#include "granary/net/grpc_message.h"
#include "granary/net/handler_lanes.h"

namespace granary::hosting {

/// A call on its way through a method.
struct GrpcMethodCall {
  net::GrpcCall& call;
  net::GrpcMessages& messages;
  /// What check_access found out of who asks; its service knows the type.
  std::shared_ptr<const void> who = {};
  std::map<std::string, std::string> error_metadata = {};  ///< For ErrorInfo, should it fail.

  /// The one message of a call that is no client stream. kInvalidRequest when there is none.
  Result<std::string> Request();
};

struct GrpcMethod {
  std::string name;  ///< "WriteData"
  std::function<Status(GrpcMethodCall& call)> handler;
  bool needs_access = true;  ///< HealthCheck does not.
  net::HandlerLane lane = net::HandlerLane::kOrdinary;
};

struct GrpcDispatcherOptions {
  std::string service;  ///< "granary.v1.TenantNode"
  std::vector<GrpcMethod> methods = {};
  /// Asked for methods that need access, and for what is no method. Everybody may when not set.
  std::function<Access(const net::GrpcCall& call)> check_access = {};
  /// What a client is told of a failure of check_access or a method. The failure when not set.
  std::function<Status(const Status& failure)> told = {};
  /// RetryInfo of a failure that may pass by itself; `method` is a name of the service's, or empty.
  /// 1 when not set.
  std::function<std::int64_t(const Status& failure, std::string_view method)> retry_after_seconds =
      {};
  /// Services of a later version: {"arrow.flight.protocol.FlightService", "Arrow Flight SQL"}.
  std::vector<std::pair<std::string, std::string>> later_services = {};
};

class GrpcDispatcher {
 public:
  GrpcDispatcher(Logger& log, const io::Clock& clock, Metrics& metrics,
                 GrpcDispatcherOptions options);

  net::GrpcEnd Handle(net::GrpcCall& call, net::GrpcMessages& messages) const;
  /// For what the server refuses before there is a handler.
  net::GrpcEnd Refuse(const Status& status, const net::GrpcCall& call) const;
  /// The method's; what needs no access never waits behind the others.
  net::HandlerLane LaneOf(std::string_view path) const;

  const std::string& service() const { return options_.service; }

 private:
  const GrpcMethod* Find(std::string_view path) const;
  Status NoSuchMethod(std::string_view path) const;
  net::GrpcEnd EndOf(const GrpcMethod* method, const Status& told,
                     const std::map<std::string, std::string>& metadata) const;
  /// `hides`: the client was told less than `status` says.
  void Record(const net::GrpcCall& call, const GrpcMethod* method, std::int64_t start_ns,
              const Status& status, bool hides) const;

  Logger& log_;
  const io::Clock& clock_;
  Metrics& metrics_;
  const GrpcDispatcherOptions options_;
};

}  // namespace granary::hosting
