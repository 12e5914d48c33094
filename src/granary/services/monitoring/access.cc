#include "granary/services/monitoring/access.h"

#include <memory>
#include <string>

#include <fmt/format.h>

#include "granary/hosting/credential.h"
#include "granary/hosting/fleet_guard.h"
#include "granary/hosting/loopback_guard.h"
#include "granary/hosting/router.h"

namespace granary::services {
namespace {

constexpr std::string_view kUsage = "/usage/";

/// The credential as Authorization has it; empty when there is none.
Result<std::string> AuthorizationOf(const net::HttpRequest& request) {
  GRANARY_ASSIGN(const auto shown, hosting::CredentialShown(request));
  if (shown.api_key) return fmt::format("Bearer {}", *shown.api_key);
  return std::string(shown.authorization.value_or(""));
}

bool IsForwarded(std::string_view path) {
  path = hosting::WithoutVersion(path);
  return path.starts_with(kConsoleApi) && path.substr(kConsoleApi.size()).starts_with('/');
}

/// The gateway decides about the request itself; here, about whether to read a body for it.
hosting::Access CheckForwarded(const std::string& credential, const runtime::CancelToken& cancel,
                               GatewayLink& link) {
  hosting::Access access;
  access.anybody = credential.empty();
  if (!access.anybody) access.status = link.WhoShows(credential, cancel).status();
  return access;
}

/// For those who run all services, whoever may see what is measured: lines of logs, tenants.
bool IsOfFleet(std::string_view path) {
  path = hosting::WithoutVersion(path);
  return path.starts_with("/logs/") || path.starts_with(kFleetApi);
}

hosting::Access CheckOfFleet(const net::HttpRequest& request, const std::string& credential,
                             const hosting::ServerConfig& config, GatewayLink& link) {
  const Status fleet =
      hosting::CheckFleetOperator(request, config, hosting::OwnMachine::kIsTrusted);
  const bool by_key = !config.operation_node_key.empty();
  if (credential.empty() || (by_key && fleet.ok())) return fleet;
  auto caller = link.WhoShows(credential, request.cancel);
  if (!caller.ok()) return caller.status();
  hosting::Access access(MayAsk(*caller, request.path));
  access.who = std::make_shared<const MonitoringCaller>(caller.Take());
  return access;
}

}  // namespace

Status MayAsk(const MonitoringCaller& caller, std::string_view path) {
  if (caller.is_operator) return Status::Ok();
  path = hosting::WithoutVersion(path);
  if (caller.is_tenant_admin && path.starts_with(kUsage) &&
      path.substr(kUsage.size()) == caller.tenant) {
    return Status::Ok();
  }
  return {
      Code::kPermissionDenied,
      "what is measured is of all tenants, so it is for operators; administrators see the usage "
      "of their own tenant"};
}

hosting::Access CheckMonitoringAccess(const net::HttpRequest& request,
                                      const hosting::ServerConfig& config, GatewayLink& link) {
  const Result<std::string> credential = AuthorizationOf(request);
  if (!credential.ok()) return credential.status();
  if (IsOfFleet(request.path)) return CheckOfFleet(request, *credential, config, link);
  if (IsForwarded(request.path)) return CheckForwarded(*credential, request.cancel, link);
  if (!credential->empty()) {
    const auto caller = link.WhoShows(*credential, request.cancel);
    return caller.ok() ? MayAsk(*caller, request.path) : caller.status();
  }
  if (const Status peer = hosting::CheckPeer(request.peer_is_loopback, config); !peer.ok())
    return peer;
  return hosting::IsOpen(config) ? Status::Ok() : hosting::CheckNotBrowser(request.headers);
}

}  // namespace granary::services
