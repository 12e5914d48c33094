#include "granary/hosting/loopback_guard.h"

#include <string_view>

namespace granary::hosting {
namespace {

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

}  // namespace

bool IsThisMachine(std::string_view host) {
  if (host == "::1") return true;
  host = WithoutPort(host);
  return host == "localhost" || host == "[::1]" || IsLoopbackAddress(host);
}

bool IsOpen(const ServerConfig& config) {
  return config.allow_anonymous || !config.tls_client_ca_file.empty();
}

Status CheckPeer(bool peer_is_loopback, const ServerConfig& config) {
  if (peer_is_loopback || IsOpen(config)) return Status::Ok();
  return {Code::kUnauthenticated,
          "no authentication is configured on this service, so it answers its own machine only; "
          "ALLOW_ANONYMOUS=true opens it to everybody who can reach it"};
}

Status CheckNotBrowser(const net::Headers& headers) {
  const auto host = headers.Get("Host");
  if (!headers.Get("Origin") && (!host || IsThisMachine(*host))) return Status::Ok();
  return {Code::kUnauthenticated,
          "web pages, and whoever does not ask for localhost, must show an API key or an access "
          "token: 'Authorization: Bearer …'"};
}

}  // namespace granary::hosting
