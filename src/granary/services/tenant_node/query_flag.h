// A query parameter that is true or false.
#pragma once

#include <string_view>

#include "granary/base/status.h"
#include "granary/net/http_message.h"

namespace granary::services {

/// False when it is not there; kInvalidArgument for any other text.
Result<bool> QueryFlag(const net::HttpRequest& request, std::string_view name);

}  // namespace granary::services
