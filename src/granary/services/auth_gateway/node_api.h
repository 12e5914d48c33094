// The Tenant Node's API as the gateway passes it on: which routes there are, and what is needed to
// be let through. What a body asks for only the node reads, once, and checks against the rights in
// the token; a path is checked here too.
//
// Held       against docs/openapi/tenant_node.json by a test: a new route of the node needs a row.
// Threads    immutable.
#pragma once

#include <span>
#include <string_view>

#include "granary/net/handler_lanes.h"
#include "granary/security/permissions.h"

namespace granary::gateway {

enum class Reach : std::uint8_t {
  kSource,       ///< The verb on the source that the path names.
  kAnyOnSource,  ///< Any verb on it.
  kSomewhere,    ///< The verb on some source: which one is in the body, or the answer is a part.
  kEverywhere,   ///< The verb on all sources.
  kAny,          ///< Nothing: the answer shows only what may be seen.
};

struct NodeRoute {
  std::string_view method, pattern;
  Reach reach;
  security::Verb verb = security::Verb::kRead;
  std::string_view audited_as = {};  ///< In the audit log; empty: it changes or ends nothing.
  net::HandlerLane lane = net::HandlerLane::kPatient;
};

std::span<const NodeRoute> NodeRoutes();

/// kPermissionDenied with what is missing.
Status CheckReach(const NodeRoute& route, std::span<const security::Grant> grants,
                  std::string_view source);

}  // namespace granary::gateway
