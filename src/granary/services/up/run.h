// `granary up`: the services of one machine in one process.
//
// Which      the Operation Node, the CBO Engine, the Tenant Node (REST and gRPC), the Auth Gateway
//            and Monitoring; the others join them as they come.
// Fails      as a whole: a port that is taken or a folder that cannot be opened ends the start, and
//            what was open is closed in order.
// TLS        none, and TLS_CERT_FILE is refused: they ask each other without it.
#pragma once

#include "granary/hosting/run_service.h"

namespace granary::services {

hosting::ServiceProgram UpProgram();

}  // namespace granary::services
