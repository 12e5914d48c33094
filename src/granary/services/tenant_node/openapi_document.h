// The OpenAPI 3.1 document of a Tenant Node: docs/openapi/tenant_node.json, built into the program.
// Written by hand and held against the routes and the code table by a test.
#pragma once

#include <string_view>

namespace granary::services {

std::string_view OpenApiDocument();

}  // namespace granary::services
