#include "granary/services/tenant_node/run.h"

#include <memory>

#include "granary/io/failpoint.h"
#include "granary/services/tenant_node/config.h"
#include "granary/services/tenant_node/node.h"
#include "granary/services/tenant_node/run_flags.h"

namespace granary::services {
namespace {

struct NodeProgram {
  RunFlags flags;
  hosting::Doors doors = hosting::Doors::kRest;
  Config config;
  io::Failpoints failpoints;

  Status Load(const hosting::ConfigSources& sources);
};

Status NodeProgram::Load(const hosting::ConfigSources& sources) {
  GRANARY_ASSIGN(doors, hosting::ParseDoors(flags.mode));
  GRANARY_ASSIGN(config, ReadConfig(sources));
  return flags.failpoints.empty() ? Status::Ok() : failpoints.Arm(flags.failpoints);
}

}  // namespace

hosting::ServiceProgram TenantNodeProgram() {
  const auto node = std::make_shared<NodeProgram>();
  hosting::ServiceProgram program{.name = "tenant-node",
                                  .about = "Serve a tenant's data over REST, gRPC or both"};
  program.add_flags = [node](CLI::App& app, hosting::ConfigFlags& flags) {
    AddRunFlags(app, flags, node->flags);
  };
  program.load = [node](const hosting::ConfigSources& sources, hosting::ServerConfig& shared) {
    GRANARY_TRY(node->Load(sources));
    shared = node->config;
    return Status::Ok();
  };
  program.listen = [node](Logger& log) -> Result<hosting::Services> {
    hosting::Services services(1);
    GRANARY_ASSIGN(services[0],
                   TenantNode::Listen(node->config, log, node->failpoints, node->doors));
    return services;
  };
  return program;
}

}  // namespace granary::services
