// GatewayState: what the handlers of one Auth Gateway share.
//
// Threads    fully safe.
#pragma once

#include <memory>
#include <mutex>

#include "granary/auth/authority.h"
#include "granary/base/log.h"
#include "granary/hosting/metrics.h"
#include "granary/hosting/router.h"
#include "granary/hosting/server_handle.h"
#include "granary/io/clock.h"
#include "granary/security/rate_limiter.h"
#include "granary/services/auth_gateway/config.h"
#include "granary/services/auth_gateway/placement.h"
#include "granary/services/auth_gateway/stream_places.h"

namespace granary::gateway {

inline constexpr std::size_t kRateBucketsMax = 100'000;

struct GatewayState {
  GatewayState(const Config& gateway_config, Logger& logger, const io::Clock& wall,
               std::unique_ptr<Placement> where);

  /// kUnavailable until the file of users and keys is open.
  Result<std::shared_ptr<auth::Authority>> Authority() const;
  void Open(std::shared_ptr<auth::Authority> authority);
  void Close();

  const Config config;
  Logger& log;
  const io::Clock& clock;
  const std::unique_ptr<Placement> placement;
  security::RateLimiter rates{kRateBucketsMax};
  StreamPlaces streams;
  hosting::Metrics metrics;
  hosting::Counter &logins, &refused_logins, &refused_requests, &rated_requests, &node_failures;
  hosting::ServerHandle server;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<auth::Authority> authority_;  // Guarded by mutex_.
};

/// Who asks: of a request that CheckAccess let through.
const auth::Identity& IdentityOf(const hosting::RouteCall& call);
auth::Act ActOf(const hosting::RouteCall& call);

/// "0.1.0"
std::string_view GatewayVersion();

}  // namespace granary::gateway
