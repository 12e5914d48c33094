// Dispatcher: one request from routing to an answer: access, query parameters, the handler,
// failures as problem+json, metrics and a log line.
//
// Threads    fully safe.
#pragma once

#include <optional>
#include <string>

#include "granary/net/http_message.h"
#include "granary/services/tenant_node/node_state.h"
#include "granary/services/tenant_node/router.h"

namespace granary::services {

class Dispatcher {
 public:
  Dispatcher(NodeState& state, Router router);

  net::HttpResponse Handle(net::HttpRequest& request) const;
  /// For what the server refuses before there is a request.
  net::HttpResponse Refuse(const Status& status, std::optional<int> http_status,
                           const std::string& request_id) const;
  /// The route's; what is refused, health and metrics are urgent.
  net::HandlerLane LaneOf(const net::HttpRequest& request) const;

 private:
  struct Outcome;
  Result<net::HttpResponse> Answer(net::HttpRequest& request, Outcome& outcome) const;
  void Record(const Outcome& outcome, int http_status, const Status& status) const;

  NodeState& state_;
  Router router_;
};

}  // namespace granary::services
