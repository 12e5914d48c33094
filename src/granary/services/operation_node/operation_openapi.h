// The OpenAPI 3.1 document of the Operation Node: docs/openapi/operation_node.json, built into the
// program.
#pragma once

#include <string_view>

namespace granary::operation {

std::string_view OperationOpenApi();

}  // namespace granary::operation
