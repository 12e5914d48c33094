// `granary operation-node`.
#pragma once

#include "granary/hosting/run_service.h"

namespace granary::operation {

hosting::ServiceProgram OperationNodeProgram();

}  // namespace granary::operation
