// `granary cbo-engine [rest|grpc|both]`: the CBO Engine as a process.
#pragma once

#include "granary/hosting/run_service.h"

namespace granary::services {

hosting::ServiceProgram CboEngineProgram();

}  // namespace granary::services
