// Monitoring: the service on port 8084: health of all services, what they measure over time,
// alerts.
//
// Threads    Listen, Open and Stop from one thread, or Open beside a thread that waits to Stop.
// Owns       its folder, DATA_PATH/monitoring. The log outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/service.h"
#include "granary/services/monitoring/config.h"
#include "granary/services/monitoring/log_sources.h"

namespace granary::services {

class Monitoring final : public hosting::Service {
 public:
  /// kConflict when the port is taken, kInvalidArgument for files that TLS cannot use. `rings`: the
  /// log lines of other services of this process.
  static Result<std::unique_ptr<Monitoring>> Listen(const MonitoringConfig& config, Logger& log,
                                                    LogSources::Rings rings);
  ~Monitoring() override;

  std::string_view name() const override { return "monitoring"; }
  /// ParseAlertRules' errors of ALERT_RULES_FILE; EmbeddedTenant::Open's.
  Status Open() override;
  Status Stop() override;

  std::uint16_t port() const;

 private:
  struct State;
  explicit Monitoring(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace granary::services
