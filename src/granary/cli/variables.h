// The variables of all services together, which share one config.env.
#pragma once

#include <string>
#include <string_view>

namespace granary::cli {

/// Whether any service has a variable of that name.
bool KnowsVariable(std::string_view name);

/// What config.env.example holds.
std::string ExampleConfig();

}  // namespace granary::cli
