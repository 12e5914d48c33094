#include "granary/hosting/credential.h"

namespace granary::hosting {

Result<ShownCredential> CredentialShown(const net::HttpRequest& request) {
  const ShownCredential shown{.authorization = request.headers.Get("Authorization"),
                              .api_key = request.headers.Get("X-API-Key")};
  if (shown.authorization && shown.api_key) {
    return Status(Code::kUnauthenticated,
                  "both Authorization and X-API-Key are given: give one of them");
  }
  return shown;
}

}  // namespace granary::hosting
