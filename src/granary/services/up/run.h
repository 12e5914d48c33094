// `granary up`: the services of one machine in one process.
//
// Which      the Tenant Node (REST and gRPC), the Auth Gateway and Monitoring; the others join them
//            as they come.
// Fails      as a whole: a port that is taken or a folder that cannot be opened ends the start, and
//            what was open is closed in order.
#pragma once

#include <string>
#include <vector>

#include "granary/hosting/config_flags.h"

namespace granary::services {

/// Serves until SIGTERM or SIGINT. 0 after a clean stop; 1 when a service cannot start, or could
/// not stop in order; 2 for bad flags or configuration.
int RunUp(const std::vector<std::string>& args, hosting::KnowsVariable known_elsewhere);

/// The command's flags, for its help.
void AddUpFlags(CLI::App& app, hosting::ConfigFlags& flags);

}  // namespace granary::services
