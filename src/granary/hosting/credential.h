// What a request shows of who sends it.
#pragma once

#include <optional>
#include <string_view>

#include "granary/base/status.h"
#include "granary/net/http_message.h"

namespace granary::hosting {

/// Views of the request's headers; one of them at most.
struct ShownCredential {
  std::optional<std::string_view> authorization;  ///< With its scheme.
  std::optional<std::string_view> api_key;        ///< X-API-Key.
};

/// kUnauthenticated when both are there: which one counts is a guess that two parties make
/// differently.
Result<ShownCredential> CredentialShown(const net::HttpRequest& request);

/// Of a service that knows no keys and tokens: whoever shows one takes it for another service, and
/// would be given what is everybody's. kUnauthenticated says where to show it.
Status CheckShowsNone(const net::Headers& headers);

}  // namespace granary::hosting
