#include "granary/services/operation_node/access.h"

#include <string>
#include <string_view>

#include "granary/hosting/loopback_guard.h"
#include "granary/hosting/variable.h"
#include "granary/security/digest.h"

namespace granary::operation {
namespace {

constexpr std::string_view kScheme = "bearer ";

Status Unauthenticated(std::string message) { return {Code::kUnauthenticated, std::move(message)}; }

}  // namespace

Status CheckCaller(const net::HttpRequest& request, const Config& config) {
  const auto shown = request.headers.Get("Authorization");
  if (!shown) {
    if (config.operation_node_key.empty()) {
      GRANARY_TRY(hosting::CheckPeer(request.peer_is_loopback, config));
    } else if (!request.peer_is_loopback && !hosting::IsOpen(config)) {
      return Unauthenticated("other machines show OPERATION_NODE_KEY as 'Authorization: Bearer …'");
    }
    return hosting::IsOpen(config) ? Status::Ok() : hosting::CheckNotBrowser(request);
  }
  if (hosting::Lowercase(shown->substr(0, kScheme.size())) != kScheme)
    return Unauthenticated("the scheme of Authorization is not Bearer");
  if (config.operation_node_key.empty())
    return Unauthenticated("a key is shown, but OPERATION_NODE_KEY is not set on this service");
  // Digests, so that the time of comparing tells nothing of how much of a guess is right.
  if (security::Sha256(shown->substr(kScheme.size())) !=
      security::Sha256(config.operation_node_key))
    return Unauthenticated("the key that is shown is not this service's OPERATION_NODE_KEY");
  return Status::Ok();
}

}  // namespace granary::operation
