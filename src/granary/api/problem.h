// Failures as RFC 9457 application/problem+json.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary::api {

/// type ("urn:granary:problem:unknown-column"), title, status, detail, instance (the
/// request id), code, and errors[] when the status has fields. `http_status` replaces the code's
/// own where HTTP alone knows better: 431 for a head that is too large, 408 for a request that
/// never ends.
std::string ProblemJson(const Status& status, std::string_view request_id,
                        std::optional<int> http_status = {});

}  // namespace granary::api
