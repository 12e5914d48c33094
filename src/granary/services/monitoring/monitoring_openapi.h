// The OpenAPI 3.1 document of Monitoring: docs/openapi/monitoring.json, built into the program.
#pragma once

#include <string_view>

namespace granary::services {

std::string_view MonitoringOpenApi();

}  // namespace granary::services
