// The flags of `granary tenant-node`, and the configuration that they, config.env and the
// environment make together.
//
// Threads    a value; ReadConfig reads the environment.
#pragma once

#include <string>

#include "granary/base/status.h"
#include "granary/hosting/config_flags.h"
#include "granary/services/tenant_node/config.h"

namespace CLI {
class App;
}

namespace granary::services {

struct RunFlags {
  std::string mode = "rest";
  hosting::ConfigFlags config;
  std::string rest_port, grpc_port, data_path;
  std::string failpoints;
};

/// Those that say how the node is configured.
void AddConfigFlags(CLI::App& app, RunFlags& flags);
/// All of them. `flags` must live as long as `app`.
void AddRunFlags(CLI::App& app, RunFlags& flags);

/// The same of sources that are read already.
Result<Config> ReadConfig(const hosting::ConfigSources& sources);
/// LoadConfig's errors; kNotFound for a file that was named and is not there.
Result<Config> ReadConfig(const RunFlags& flags, hosting::KnowsVariable known_elsewhere = {});

}  // namespace granary::services
