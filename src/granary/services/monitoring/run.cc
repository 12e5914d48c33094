#include "granary/services/monitoring/run.h"

#include "granary/services/monitoring/monitoring.h"

namespace granary::services {
namespace {

// No other service is in this process.
Result<std::unique_ptr<Monitoring>> ListenAlone(const MonitoringConfig& config, Logger& log) {
  return Monitoring::Listen(config, log, {});
}

}  // namespace

hosting::ServiceProgram MonitoringProgram() {
  return hosting::OneService("monitoring", "Watch all services: health, series, alerts",
                             LoadMonitoringConfig, ListenAlone);
}

}  // namespace granary::services
