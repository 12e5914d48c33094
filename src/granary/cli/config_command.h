// granary config show: every setting of a node, its value and where it came from.
#pragma once

#include <string>

#include "granary/base/status.h"
#include "granary/hosting/config_flags.h"

namespace granary::cli {

/// "REST_PORT  8000  default", a line each; or JSON. What a node started with the same flags, in
/// the same folder and environment would take.
Result<std::string> ShownConfig(const hosting::ConfigFlags& flags, const std::string& output);

}  // namespace granary::cli
