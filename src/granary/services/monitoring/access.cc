#include "granary/services/monitoring/access.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "granary/hosting/loopback_guard.h"

namespace granary::services {
namespace {

constexpr std::string_view kUsage = "/usage/";

std::string_view WithoutVersion(std::string_view path) {
  if (path.starts_with("/v1/")) path.remove_prefix(3);
  return path;
}

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
Result<std::string> CredentialShown(const net::HttpRequest& request) {
  const auto authorization = request.headers.Get("Authorization");
  const auto key = request.headers.Get("X-API-Key");
  if (authorization && key) {
    return Status(Code::kUnauthenticated,
                  "both Authorization and X-API-Key are given: give one of them");
  }
  if (key) return fmt::format("Bearer {}", *key);
  return std::string(authorization.value_or(""));
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
  path = WithoutVersion(path);
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
  const std::string_view path = WithoutVersion(request.path);
  const Result<std::string> credential = CredentialShown(request);
  if (!credential.ok()) return credential.status();
  if (path.starts_with(kConsoleApi) && path.substr(kConsoleApi.size()).starts_with('/'))
    return CheckForwarded(*credential, request.cancel, link);
  if (!credential->empty()) {
    const auto caller = link.WhoShows(*credential, request.cancel);
    return caller.ok() ? MayAsk(*caller, path) : caller.status();
  }
  if (const Status peer = hosting::CheckPeer(request.peer_is_loopback, config); !peer.ok())
    return peer;
  return hosting::IsOpen(config) ? Status::Ok() : CheckNotBrowser(request);
}

}  // namespace granary::services
