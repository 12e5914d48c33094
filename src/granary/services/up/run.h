// `granary up`: the services of one machine in one process.
//
// Which      the Operation Node, the CBO Engine, the Tenant Node (REST and gRPC), the Auth Gateway
//            and Monitoring; the others join them as they come.
// Fails      as a whole: a port that is taken or a folder that cannot be opened ends the start, and
//            what was open is closed in order.
// Demo       with DEMO_DATA a first start makes a tenant of its own with real data (demo_tenant.h).
// TLS        none, and TLS_CERT_FILE is refused: they ask each other without it.
#pragma once

#include "granary/hosting/run_service.h"
#include "granary/services/up/demo_tenant.h"

namespace granary::services {

/// `import` fills the demo tenant.
hosting::ServiceProgram UpProgram(ImportFn import);

}  // namespace granary::services
