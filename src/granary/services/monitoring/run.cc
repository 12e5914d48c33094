#include "granary/services/monitoring/run.h"

#include "granary/services/monitoring/monitoring.h"

namespace granary::services {

hosting::ServiceProgram MonitoringProgram() {
  return hosting::OneService("monitoring", "Watch all services: health, series, alerts",
                             LoadMonitoringConfig, Monitoring::Listen);
}

}  // namespace granary::services
