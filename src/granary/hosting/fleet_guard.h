// Who may see what is for those who run all services, such as log lines: neither users nor tenants.
//
//   OPERATION_NODE_KEY is set   whoever shows it as 'Authorization: Bearer …'
//   it is not                   programs on this machine; nobody, where the service otherwise
//                               answers this machine no more than others
//
// Threads    pure functions.
#pragma once

#include <cstdint>

#include "granary/base/status.h"
#include "granary/hosting/server_config.h"
#include "granary/net/http_message.h"

namespace granary::hosting {

/// Whether a service asks programs of its own machine who they are.
enum class OwnMachine : std::uint8_t { kIsTrusted, kShowsCredentials };

/// kUnauthenticated says what to set or show.
Status CheckFleet(const net::HttpRequest& request, const ServerConfig& config, OwnMachine own);

}  // namespace granary::hosting
