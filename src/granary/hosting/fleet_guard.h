// Who may call what is for the services of a fleet and those who run them, neither for users nor for
// tenants. OPERATION_NODE_KEY is the secret that they share, shown as 'Authorization: Bearer …'.
//
//                          OPERATION_NODE_KEY is set          it is not
//   CheckFleetProgram      whoever shows it                   programs on this machine
//   CheckFleetOperator     whoever shows it                   programs on this machine; nobody,
//                                                             where it shows credentials as others do
//
// Threads    pure functions.
#pragma once

#include <cstdint>

#include "granary/base/status.h"
#include "granary/hosting/server_config.h"
#include "granary/net/http_message.h"

namespace granary::hosting {

/// Of a service that the services of a fleet call. kUnauthenticated for a wrong key, and for one in
/// X-API-Key, from wherever it comes, for no key where one is set, and where none is for other
/// machines and for a web page (CheckNotBrowser). ALLOW_ANONYMOUS opens it to whoever shows none.
Status CheckFleetProgram(const net::HttpRequest& request, const ServerConfig& config);

/// Whether a service asks programs of its own machine who they are.
enum class OwnMachine : std::uint8_t { kIsTrusted, kShowsCredentials };

/// Of what only those see who run all services, such as log lines. kUnauthenticated says what to set
/// or show.
Status CheckFleetOperator(const net::HttpRequest& request, const ServerConfig& config,
                          OwnMachine own);

}  // namespace granary::hosting
