// `granary cbo-engine`: the process around the service: flags, signals, exit codes.
#pragma once

#include <string>
#include <vector>

#include "granary/hosting/config_flags.h"

namespace granary::services {

/// Serves until SIGTERM or SIGINT. 0 after a clean stop; 1 when it cannot start, or could not stop
/// in order; 2 for bad flags or configuration.
int RunCboEngine(const std::vector<std::string>& args, hosting::KnowsVariable known_elsewhere);

}  // namespace granary::services
