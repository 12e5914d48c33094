#include "granary/services/cbo_engine/run.h"

#include <memory>
#include <utility>

#include "granary/hosting/run_service.h"
#include "granary/services/cbo_engine/engine.h"

namespace granary::services {

int RunCboEngine(const std::vector<std::string>& args, hosting::KnowsVariable known_elsewhere) {
  CboConfig config;
  hosting::ServiceProgram program;
  program.name = "cbo-engine";
  program.about = "Learns the cost model of all nodes: history, models, replay";
  program.load = [&config](const hosting::ConfigSources& sources, hosting::ServerConfig& shared) {
    Result<CboConfig> loaded = LoadCboConfig(sources);
    if (loaded.ok()) shared = config = loaded.Take();
    return loaded.status();
  };
  program.listen = [&config](Logger& log) -> Result<std::unique_ptr<hosting::Service>> {
    GRANARY_ASSIGN(std::unique_ptr<hosting::Service> service, CboEngine::Listen(config, log));
    return service;
  };
  return hosting::RunService(program, args, std::move(known_elsewhere));
}

}  // namespace granary::services
