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

Status CheckShowsNone(const net::Headers& headers) {
  if (!headers.Get("Authorization") && !headers.Get("X-API-Key")) return Status::Ok();
  return {Code::kUnauthenticated,
          "a key or token is shown, and this service knows none: send the request to the Auth "
          "Gateway, or leave the key out"};
}

}  // namespace granary::hosting
