// What is done to tenants and nodes through this service, in the audit log.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/hosting/router.h"
#include "granary/services/operation_node/desk.h"

namespace granary::operation {

/// Whom another service of the fleet asks for: who shows the fleet's key, or a program of this
/// machine, says it, and is believed.
inline constexpr std::string_view kActorHeader = "Granary-Actor";
inline constexpr std::size_t kActorBytesMax = 256;

/// "fleet" for whoever shows OPERATION_NODE_KEY, "machine" where there is none; with whom they ask
/// for behind it: "fleet: user u_1 of acme". kInvalidArgument for a Granary-Actor that is none.
Result<std::string> ActorOf(const Desk& desk, const net::HttpRequest& request);

/// Carries out an act: it is in the audit log before, and what came of it afterwards. Nothing is
/// carried out that cannot be written down (kDiskFull, kIoError, … as kUnavailable).
Result<net::HttpResponse> Audited(Desk& desk, const hosting::RouteCall& call,
                                  std::string_view action, const std::string& target,
                                  const std::function<Result<net::HttpResponse>()>& act);

/// Something that was done by itself, or is written down only when it is done. A failure to write
/// it is for the log.
void NoteDone(Desk& desk, const hosting::RouteCall& call, std::string_view action,
              const std::string& target, std::string detail);

void AddAuditRoute(const FindDesk& find, hosting::Router& router);  ///< GET /audit

}  // namespace granary::operation
