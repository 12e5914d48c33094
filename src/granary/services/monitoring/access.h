// Who may see what Monitoring knows.
//
//   shell, health, metrics      everybody
//   /console/api/…              whoever the Auth Gateway lets through: it is asked for each request.
//                               Whom it does not know sends a body as long as a login's at most
//   /logs/…, /console/fleet/…   operators; who shows OPERATION_NODE_KEY; where none is set, programs
//                               on this machine. ALLOW_ANONYMOUS opens neither: what they do here
//                               they do with this service's own key
//   all else, with a credential operators; /usage/{tenant} also administrators of that tenant
//   all else, without one       programs on this machine, where nobody's browser is in between: a
//                               page from elsewhere reaches loopback too, by a form, or by a name
//                               of its own that leads here (DNS rebinding)
//
// Threads    pure functions, apart from what `link` says of itself.
#pragma once

#include <string_view>

#include "granary/hosting/dispatcher.h"
#include "granary/hosting/server_config.h"
#include "granary/net/http_message.h"
#include "granary/services/monitoring/gateway_link.h"

namespace granary::services {

/// Under which the console's requests to the gateway stand.
inline constexpr std::string_view kConsoleApi = "/console/api";
/// And those to the Operation Node.
inline constexpr std::string_view kFleetApi = "/console/fleet";

/// kPermissionDenied unless that caller may ask for `path`.
Status MayAsk(const MonitoringCaller& caller, std::string_view path);

/// `who` of a request that is of the fleet, by a user's credential, is a MonitoringCaller.
hosting::Access CheckMonitoringAccess(const net::HttpRequest& request,
                                      const hosting::ServerConfig& config, GatewayLink& link);

}  // namespace granary::services
