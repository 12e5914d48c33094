#include "granary/services/monitoring/run.h"

#include <utility>

#include "granary/hosting/run_service.h"
#include "granary/services/monitoring/monitoring.h"

namespace granary::services {

int RunMonitoring(const std::vector<std::string>& args, hosting::KnowsVariable known_elsewhere) {
  MonitoringConfig config;
  hosting::ServiceProgram program;
  program.name = "monitoring";
  program.about = "Watches all services: health, series, alerts";
  program.load = [&config](const hosting::ConfigSources& sources, hosting::ServerConfig& shared) {
    Result<MonitoringConfig> loaded = LoadMonitoringConfig(sources);
    if (loaded.ok()) shared = config = loaded.Take();
    return loaded.status();
  };
  program.listen = [&config](Logger& log) -> Result<std::unique_ptr<hosting::Service>> {
    GRANARY_ASSIGN(std::unique_ptr<hosting::Service> service, Monitoring::Listen(config, log));
    return service;
  };
  return hosting::RunService(program, args, std::move(known_elsewhere));
}

}  // namespace granary::services
