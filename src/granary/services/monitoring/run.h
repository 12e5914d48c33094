// `granary monitoring`: Monitoring as a process.
#pragma once

#include "granary/hosting/run_service.h"

namespace granary::services {

hosting::ServiceProgram MonitoringProgram();

}  // namespace granary::services
