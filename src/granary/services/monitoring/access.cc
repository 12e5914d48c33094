#include "granary/services/monitoring/access.h"

#include <string>

#include <fmt/format.h>

#include "granary/hosting/credential.h"
#include "granary/hosting/loopback_guard.h"
#include "granary/hosting/router.h"

namespace granary::services {
namespace {

constexpr std::string_view kUsage = "/usage/";

/// "[::1]:8084" -> "[::1]".
std::string_view WithoutPort(std::string_view host) {
  const auto end = host.starts_with('[') ? host.find(']') : std::string_view::npos;
  const auto colon = host.find(':', end == std::string_view::npos ? 0 : end);
  return host.substr(0, colon);
}

/// An address as "127.0.0.1", which no name that is looked up can look like (RFC 3696: a top level
/// domain is not all digits).
bool IsLoopbackAddress(std::string_view host) {
  return host.starts_with("127.") &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool IsThisMachine(std::string_view host) {
  host = WithoutPort(host);
  return host == "localhost" || host == "[::1]" || IsLoopbackAddress(host);
}

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

Status CheckNotBrowser(const net::HttpRequest& request) {
  const auto host = request.headers.Get("Host");
  if (!request.headers.Get("Origin") && (!host || IsThisMachine(*host))) return Status::Ok();
  return {Code::kUnauthenticated,
          "web pages, and whoever does not ask for localhost, must show an API key or an access "
          "token: 'Authorization: Bearer …'"};
}

hosting::Access CheckMonitoringAccess(const net::HttpRequest& request,
                                      const hosting::ServerConfig& config, GatewayLink& link) {
  const Result<std::string> credential = AuthorizationOf(request);
  if (!credential.ok()) return credential.status();
  if (IsForwarded(request.path)) return CheckForwarded(*credential, request.cancel, link);
  if (!credential->empty()) {
    const auto caller = link.WhoShows(*credential, request.cancel);
    return caller.ok() ? MayAsk(*caller, request.path) : caller.status();
  }
  if (const Status peer = hosting::CheckPeer(request.peer_is_loopback, config); !peer.ok())
    return peer;
  return hosting::IsOpen(config) ? Status::Ok() : CheckNotBrowser(request);
}

}  // namespace granary::services
