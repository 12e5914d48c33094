// Config: what an operator chooses about `granary up` itself; each of its services has its own.
//
// Threads    a value.
#pragma once

#include <span>
#include <string>

#include "granary/base/status.h"
#include "granary/hosting/config.h"
#include "granary/hosting/server_config.h"

namespace granary::services {

struct UpOwnConfig : hosting::ServerConfig {
  std::string demo_data;  ///< A folder; empty: no demo tenant.
};

std::span<const hosting::Variable> UpConfigTable();
/// kInvalidArgument, listing every bad value.
Result<UpOwnConfig> LoadUpConfig(const hosting::ConfigSources& sources);

}  // namespace granary::services
