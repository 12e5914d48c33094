// Idempotency-Key on a write: the request's key, and the answer that says whether it was repeated.
#pragma once

#include <optional>

#include "granary/base/status.h"
#include "granary/net/http_message.h"
#include "granary/services/tenant_node/node_state.h"
#include "granary/tenant/tenant.h"

namespace granary::services {

/// The header with the hash of what a repetition must repeat: the body and the query parameters.
/// Nothing without a header; kInvalidArgument unless it is 1 to 255 printable ASCII characters.
Result<std::optional<storage::WriteKey>> WriteKeyOf(const net::HttpRequest& request);

/// Counts what was written. An answer that is a repetition says so: Idempotency-Replayed: true.
net::HttpResponse WriteResponse(NodeState& state, const WriteAnswer& answer);

}  // namespace granary::services
