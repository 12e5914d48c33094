// The flags of `granary tenant-node`, and the configuration that they, config.env and the
// environment make together.
//
// Threads    a value; ReadConfig reads what the kernel says of this machine.
#pragma once

#include <string>

#include "granary/base/status.h"
#include "granary/hosting/config_flags.h"
#include "granary/services/tenant_node/config.h"

namespace granary::services {

/// What is no setting.
struct RunFlags {
  std::string mode = "rest";
  std::string failpoints;
};

/// Those that say how the node is configured; `flags` must live as long as `app`.
void AddNodeFlags(CLI::App& app, hosting::ConfigFlags& flags);
/// All of them; `flags` and `run` must live as long as `app`.
void AddRunFlags(CLI::App& app, hosting::ConfigFlags& flags, RunFlags& run);

/// LoadConfig's errors.
Result<Config> ReadConfig(const hosting::ConfigSources& sources);

}  // namespace granary::services
