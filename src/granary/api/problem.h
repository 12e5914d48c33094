// Failures as RFC 9457 application/problem+json.
#pragma once

#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary::api {

/// type ("urn:granary:problem:unknown-column"), title, status, detail, instance (the
/// request id), code, and errors[] when the status has fields.
std::string ProblemJson(const Status& status, std::string_view request_id);

}  // namespace granary::api
