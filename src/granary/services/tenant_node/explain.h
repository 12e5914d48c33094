// EXPLAIN for both doors.
#pragma once

#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/services/tenant_node/node_state.h"

namespace granary::services {

/// The answer of POST /data/explain to `body`.
Result<std::string> AnswerExplain(NodeState& state, Tenant& tenant, std::string_view body,
                                  bool analyze, const Caller& caller);

}  // namespace granary::services
