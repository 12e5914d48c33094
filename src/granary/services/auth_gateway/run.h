// `granary auth-gateway`: an AuthGateway as a process.
#pragma once

#include <string>

#include "granary/hosting/run_service.h"

namespace granary::gateway {

hosting::ServiceProgram AuthGatewayProgram();

/// Shows the first key on the screen and in no log: logs are kept and read by many.
void ShowFirstKey(const std::string& key);

}  // namespace granary::gateway
