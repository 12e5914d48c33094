// `granary auth-gateway`: an AuthGateway as a process.
#pragma once

#include <string>
#include <vector>

#include "granary/hosting/config_flags.h"

namespace granary::gateway {

/// hosting::RunService's exit codes.
int RunAuthGateway(const std::vector<std::string>& args, hosting::KnowsVariable known_elsewhere);

/// Shows the first key on the screen and in no log: logs are kept and read by many.
void ShowFirstKey(const std::string& key);

}  // namespace granary::gateway
