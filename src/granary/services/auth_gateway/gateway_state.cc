#include "granary/services/auth_gateway/gateway_state.h"

#include <utility>

#include "granary/base/check.h"

namespace granary::gateway {

GatewayState::GatewayState(const Config& gateway_config, Logger& logger, const io::Clock& wall,
                           std::unique_ptr<Placement> where)
    : config(gateway_config),
      log(logger),
      clock(wall),
      placement(std::move(where)),
      streams(static_cast<std::size_t>(config.max_streamed_bodies)),
      metrics(GatewayVersion(), {}),
      logins(metrics.NewCounter("granary_logins_total", "Logins that succeeded")),
      refused_logins(metrics.NewCounter("granary_logins_refused_total", "Logins that did not")),
      refused_requests(metrics.NewCounter("granary_requests_unauthenticated_total",
                                          "Requests without a key or token that is good")),
      rated_requests(
          metrics.NewCounter("granary_requests_rate_limited_total", "Requests over a rate limit")),
      node_failures(metrics.NewCounter("granary_node_failures_total",
                                       "Requests that a node could not be asked, or left")) {}

Result<std::shared_ptr<auth::Authority>> GatewayState::Authority() const {
  const std::lock_guard lock(mutex_);
  if (authority_ != nullptr) return authority_;
  return Status(Code::kUnavailable, "the gateway is starting or has stopped; try again soon");
}

void GatewayState::Open(std::shared_ptr<auth::Authority> authority) {
  const std::lock_guard lock(mutex_);
  authority_ = std::move(authority);
}

void GatewayState::Close() { Open(nullptr); }

const auth::Identity& IdentityOf(const hosting::RouteCall& call) {
  GRANARY_CHECK(call.who != nullptr, "{} {}", call.request.method, call.request.path);
  return *static_cast<const auth::Identity*>(call.who.get());
}

auth::Act ActOf(const hosting::RouteCall& call) {
  return {IdentityOf(call), call.request.peer, call.request.request_id};
}

std::string_view GatewayVersion() { return GRANARY_VERSION; }

}  // namespace granary::gateway
