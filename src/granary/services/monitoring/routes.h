// The routes of Monitoring that are its own. All that is handed over outlives the router.
#pragma once

#include <functional>
#include <memory>

#include "granary/base/status.h"
#include "granary/hosting/router.h"
#include "granary/io/clock.h"
#include "granary/services/monitoring/log_sources.h"
#include "granary/services/monitoring/monitor.h"
#include "granary/services/monitoring/series_store.h"
#include "granary/services/monitoring/silences.h"

namespace granary::services {

/// What the handlers work with; there once the service is open.
struct MonitoringDesk {
  Monitor& monitor;
  SeriesStore& series;
  SilenceBook& silences;
  LogSources& logs;
  const io::Clock& clock;
};
/// kUnavailable before the service is open and once it has stopped.
using FindMonitoringDesk = std::function<Result<std::shared_ptr<MonitoringDesk>>()>;

void AddHealthRoutes(const FindMonitoringDesk& desk,
                     hosting::Router& router);  ///< /health/all, /status
void AddAlertRoutes(const FindMonitoringDesk& desk, hosting::Router& router);   ///< /alerts…
void AddSeriesRoutes(const FindMonitoringDesk& desk, hosting::Router& router);  ///< /api/series
void AddUsageRoutes(const FindMonitoringDesk& desk, hosting::Router& router);   ///< /usage/{tenant}
void AddLogRoutes(const FindMonitoringDesk& desk, hosting::Router& router);     ///< /logs/{service}

}  // namespace granary::services
