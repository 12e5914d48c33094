#include "granary/hosting/fleet_guard.h"

#include <string>
#include <string_view>

#include "granary/hosting/credential.h"
#include "granary/hosting/loopback_guard.h"
#include "granary/hosting/variable.h"
#include "granary/security/digest.h"

namespace granary::hosting {
namespace {

constexpr std::string_view kScheme = "bearer ";

Status Unauthenticated(std::string message) { return {Code::kUnauthenticated, std::move(message)}; }

Status CheckKey(std::string_view shown, const ServerConfig& config) {
  if (Lowercase(shown.substr(0, kScheme.size())) != kScheme)
    return Unauthenticated("the scheme of Authorization is not Bearer");
  if (config.operation_node_key.empty())
    return Unauthenticated("a key is shown, but OPERATION_NODE_KEY is not set on this service");
  // Digests, so that the time of comparing tells nothing of how much of a guess is right.
  if (security::Sha256(shown.substr(kScheme.size())) != security::Sha256(config.operation_node_key))
    return Unauthenticated("the key that is shown is not this service's OPERATION_NODE_KEY");
  return Status::Ok();
}

Status CheckWithoutKey(const net::HttpRequest& request, const ServerConfig& config) {
  if (IsOpen(config)) return Status::Ok();
  if (!config.operation_node_key.empty())
    return Unauthenticated("show OPERATION_NODE_KEY as 'Authorization: Bearer …'");
  GRANARY_TRY(CheckPeer(request.peer_is_loopback, config));
  return CheckNotBrowser(request.headers);
}

}  // namespace

Status CheckFleetProgram(const net::HttpRequest& request, const ServerConfig& config) {
  GRANARY_ASSIGN(const ShownCredential shown, CredentialShown(request));
  if (shown.api_key)
    return Unauthenticated(
        "X-API-Key is of the Auth Gateway: send the request there; this service knows "
        "OPERATION_NODE_KEY as 'Authorization: Bearer …'");
  return shown.authorization ? CheckKey(*shown.authorization, config)
                             : CheckWithoutKey(request, config);
}

Status CheckFleetOperator(const net::HttpRequest& request, const ServerConfig& config,
                          OwnMachine own) {
  if (!config.operation_node_key.empty()) {
    const auto shown = request.headers.Get("Authorization");
    if (shown) return CheckKey(*shown, config);
    return Unauthenticated(
        "this is for the operators of all services: show OPERATION_NODE_KEY as 'Authorization: "
        "Bearer …'");
  }
  if (own == OwnMachine::kShowsCredentials || !request.peer_is_loopback) {
    return Unauthenticated(
        "this is for the operators of all services, who show OPERATION_NODE_KEY, and this service "
        "has none");
  }
  return CheckNotBrowser(request.headers);
}

}  // namespace granary::hosting
