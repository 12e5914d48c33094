// Idempotency keys of writes, and the answer that says whether it was repeated.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/net/http_message.h"
#include "granary/services/tenant_node/node_state.h"
#include "granary/tenant/tenant.h"

namespace granary::services {

/// The header with the hash of the body, which says everything that a repetition must repeat.
/// Nothing without a header; kInvalidArgument unless it is 1 to 255 printable ASCII characters.
Result<std::optional<storage::WriteKey>> WriteKeyOf(const net::HttpRequest& request);

/// The header of a request whose body is not read yet. Errors as above.
Result<std::optional<std::string>> KeyOf(const net::HttpRequest& request);
/// Of what a repetition of a streamed body must repeat besides it, whatever its text was: a default
/// that is written out, or another order of parameters, is the same. The seed of the body's hash.
std::uint64_t KeySeedOf(const StreamWrite& write);

/// A message's key, "" being none, with the hash of the body that stands for the message.
/// kInvalidRequest at /idempotency_key as above.
Result<std::optional<storage::WriteKey>> WriteKeyOf(const std::string& key, std::string_view body);

/// Counts what was written. An answer that is a repetition says so: Idempotency-Replayed: true.
net::HttpResponse WriteResponse(NodeState& state, Tenant& tenant, const WriteAnswer& answer);

}  // namespace granary::services
