// docs/openapi/cbo_engine.json, as it was when this was built.
#pragma once

#include <string_view>

namespace granary::services {

std::string_view EngineOpenApi();

}  // namespace granary::services
