// The OpenAPI 3.1 document of an Auth Gateway: docs/openapi/auth_gateway.json, built into the
// program. Written by hand and held against the routes by a test.
#pragma once

#include <string_view>

namespace granary::gateway {

std::string_view OpenApiDocument();

}  // namespace granary::gateway
