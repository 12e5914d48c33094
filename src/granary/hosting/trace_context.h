// The trace that a request belongs to (W3C Trace Context, https://www.w3.org/TR/trace-context/).
#pragma once

#include <string>

#include "granary/net/http_message.h"

namespace granary::hosting {

/// The 32 digits of the trace id in `traceparent`; empty when there is none or it is malformed.
std::string TraceIdOf(const net::Headers& headers);

}  // namespace granary::hosting
