// `granary tenant-node [rest|grpc|both]`: a TenantNode as a process.
#pragma once

#include "granary/hosting/run_service.h"

namespace granary::services {

hosting::ServiceProgram TenantNodeProgram();

}  // namespace granary::services
