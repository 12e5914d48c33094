// A service as a process: `granary <service> [--config FILE] [--set NAME=VALUE …]`.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/config.h"
#include "granary/hosting/config_flags.h"
#include "granary/hosting/service.h"

namespace granary::hosting {

struct ServiceProgram {
  std::string_view name;   ///< "monitoring"
  std::string_view about;  ///< For its help.
  /// Checks the settings; what it returns is a ServerConfig's part of them, for log and limits.
  std::function<Status(const ConfigSources& sources, ServerConfig& config)> load;
  /// Makes the service of what `load` read, listening.
  std::function<Result<std::unique_ptr<Service>>(Logger& log)> listen;
};

/// Serves until SIGTERM or SIGINT. 0 after a clean stop; 1 when it cannot start, or could not stop
/// in order; 2 for bad flags or configuration.
int RunService(const ServiceProgram& program, const std::vector<std::string>& args,
               KnowsVariable known_elsewhere);

}  // namespace granary::hosting
