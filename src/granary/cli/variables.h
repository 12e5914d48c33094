// The variables of all services together, which share one config.env.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/hosting/config.h"

namespace granary::cli {

/// Whether any service has a variable of that name.
bool KnowsVariable(std::string_view name);

/// What config.env.example holds.
std::string ExampleConfig();

/// Every setting of a service as it would start with these sources: "tenant-node"; of "up": of all
/// of them, each name once. kInvalidArgument lists every bad value; kNotFound: no such service, and
/// which there are.
Result<std::vector<hosting::ConfigValue>> SettingsOf(std::string_view service,
                                                     const hosting::ConfigSources& sources);

}  // namespace granary::cli
