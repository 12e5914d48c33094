// The methods of the service CboEngine (proto/cbo_engine.proto), thin over engine_calls.h.
#pragma once

#include <vector>

#include "granary/hosting/grpc_dispatcher.h"
#include "granary/services/cbo_engine/engine_state.h"

namespace granary::services {

inline constexpr const char* kEngineService = "granary.v1.CboEngine";

/// `state` outlives them.
std::vector<hosting::GrpcMethod> EngineMethods(EngineState& state);

}  // namespace granary::services
