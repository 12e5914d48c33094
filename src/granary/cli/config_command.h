// granary config show: every setting of a service, its value and where it came from.
#pragma once

#include <string>

#include "granary/base/status.h"
#include "granary/hosting/config_flags.h"

namespace granary::cli {

/// "REST_PORT  8000  default", a line each; or JSON. What a service started with the same flags, in
/// the same folder and environment would take. SettingsOf's errors.
Result<std::string> ShownConfig(const std::string& service, const hosting::ConfigFlags& flags,
                                const std::string& output);

}  // namespace granary::cli
