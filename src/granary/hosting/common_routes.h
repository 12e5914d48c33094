// What every service answers alike: /health, /health/ready, /health/live, /metrics, /openapi.json.
// None of them asks who is calling.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/api/json_object.h"
#include "granary/base/status.h"
#include "granary/hosting/metrics.h"
#include "granary/hosting/router.h"
#include "granary/hosting/server_handle.h"
#include "granary/io/clock.h"

namespace granary::hosting {

/// All that it refers to outlives the router.
struct CommonRoutes {
  std::string_view service;  ///< "tenant-node"
  std::string_view version;
  std::string_view openapi;  ///< The document, JSON.
  const io::Clock& clock;
  const Metrics& metrics;
  const ServerHandle& server;
  /// OK once the service can do its work; else what it waits for. Ready at once when not set.
  std::function<Status()> ready = {};
  /// More members of the health answer.
  std::function<void(api::JsonObject& health)> describe = {};
  /// More numbers for /metrics.
  std::function<void(std::vector<Sample>& samples)> sample = {};
  /// What /metrics says in place of the service's own text; that itself when not set. `service` is
  /// the query's parameter, which a service without `expose` does not know.
  std::function<std::string(std::string own, std::optional<std::string_view> service)> expose = {};
};

void AddCommonRoutes(CommonRoutes common, Router& router);

}  // namespace granary::hosting
