// Answers in the forms that all routes share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "granary/base/status.h"
#include "granary/net/http_message.h"

namespace granary::hosting {

net::HttpResponse JsonResponse(std::string body, int status = 200);

/// application/problem+json, with Retry-After where trying again may help and WWW-Authenticate for
/// 401.
net::HttpResponse ProblemResponse(const Status& status, const std::string& request_id,
                                  std::optional<int> http_status = {},
                                  std::int64_t retry_after_seconds = 1);

}  // namespace granary::hosting
