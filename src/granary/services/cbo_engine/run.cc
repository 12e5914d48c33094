#include "granary/services/cbo_engine/run.h"

#include <memory>
#include <string>

#include "granary/services/cbo_engine/engine.h"

namespace granary::services {
namespace {

struct EngineProgram {
  std::string mode = "rest";
  hosting::Doors doors = hosting::Doors::kRest;
  CboConfig config;
};

}  // namespace

hosting::ServiceProgram CboEngineProgram() {
  const auto engine = std::make_shared<EngineProgram>();
  hosting::ServiceProgram program{
      .name = "cbo-engine",
      .about = "Learn the cost model of all nodes, and serve it over REST, gRPC or both"};
  program.add_flags = [engine](CLI::App& app, hosting::ConfigFlags& flags) {
    hosting::AddDoorsWord(app, engine->mode);
    hosting::AddConfigFlags(app, flags);
  };
  program.load = [engine](const hosting::ConfigSources& sources, hosting::ServerConfig& shared) {
    GRANARY_ASSIGN(engine->doors, hosting::ParseDoors(engine->mode));
    GRANARY_ASSIGN(engine->config, LoadCboConfig(sources));
    shared = engine->config;
    return Status::Ok();
  };
  program.listen = [engine](Logger& log) -> Result<hosting::Services> {
    hosting::Services services(1);
    GRANARY_ASSIGN(services[0], CboEngine::Listen(engine->config, log, engine->doors));
    return services;
  };
  return program;
}

}  // namespace granary::services
