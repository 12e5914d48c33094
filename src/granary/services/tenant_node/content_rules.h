// Which forms of body and answer this version speaks; the contract's others are answered 501 by
// name.
#pragma once

#include "granary/base/status.h"
#include "granary/net/http_message.h"

namespace granary::services {

/// For calls with a JSON body: Content-Type must be application/json (or left out).
/// kUnsupportedMediaType; kUnsupported for Content-Encoding and, with `offers_tables`, for the
/// contract's other record formats.
Status CheckJsonBody(const net::HttpRequest& request, bool offers_tables = false);

/// For streams: Accept must leave room for application/x-ndjson. kUnsupported names what was asked
/// for.
Status CheckStreamAccept(const net::HttpRequest& request);

}  // namespace granary::services
