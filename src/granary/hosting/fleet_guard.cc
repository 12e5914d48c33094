#include "granary/hosting/fleet_guard.h"

#include <string>
#include <string_view>

#include "granary/hosting/loopback_guard.h"
#include "granary/hosting/variable.h"
#include "granary/security/digest.h"

namespace granary::hosting {
namespace {

constexpr std::string_view kScheme = "bearer ";

Status Unauthenticated(std::string message) { return {Code::kUnauthenticated, std::move(message)}; }

}  // namespace

Status CheckFleetCaller(const net::HttpRequest& request, const ServerConfig& config) {
  const auto shown = request.headers.Get("Authorization");
  if (!shown) {
    if (config.operation_node_key.empty()) return CheckPeer(request.peer_is_loopback, config);
    if (request.peer_is_loopback || IsOpen(config)) return Status::Ok();
    return Unauthenticated("other machines show OPERATION_NODE_KEY as 'Authorization: Bearer …'");
  }
  if (Lowercase(shown->substr(0, kScheme.size())) != kScheme)
    return Unauthenticated("the scheme of Authorization is not Bearer");
  if (config.operation_node_key.empty())
    return Unauthenticated("a key is shown, but OPERATION_NODE_KEY is not set on this service");
  // Digests, so that the time of comparing tells nothing of how much of a guess is right.
  if (security::Sha256(shown->substr(kScheme.size())) !=
      security::Sha256(config.operation_node_key))
    return Unauthenticated("the key that is shown is not this service's OPERATION_NODE_KEY");
  return Status::Ok();
}

Status CheckFleetProgram(const net::HttpRequest& request, const ServerConfig& config) {
  GRANARY_TRY(CheckFleetCaller(request, config));
  const bool shows_key = request.headers.Get("Authorization").has_value();
  return shows_key || IsOpen(config) ? Status::Ok() : CheckNotBrowser(request);
}

}  // namespace granary::hosting
