// `granary user recover`: the way back on the machine itself, when no operator can come in any more.
//
// Who        whoever may write the gateway's folder: nobody else is asked. The gateway may run.
// Threads    one.
#pragma once

#include <string>

#include "granary/base/status.h"
#include "granary/hosting/config.h"

namespace granary::gateway {

/// Makes one more operator of TENANT_ID, and gives a key of theirs. kNotFound when DATA_PATH has no
/// users: its first start makes a key anyway. LoadConfig's and Authority::Open's failures.
Result<std::string> MakeRecoveryKey(const hosting::ConfigSources& sources);

}  // namespace granary::gateway
