// The CBO Engine's routes.
#pragma once

#include "granary/hosting/router.h"
#include "granary/services/cbo_engine/engine_state.h"

namespace granary::services {

/// `state` outlives the router.
hosting::Router MakeEngineRouter(EngineState& state);

}  // namespace granary::services
