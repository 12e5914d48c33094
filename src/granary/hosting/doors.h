// Doors: which APIs a service serves, and the word on the command line that says so.
//
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace CLI {
class App;
}

namespace granary::hosting {

enum class Doors : std::uint8_t { kRest, kGrpc, kBoth };

/// "rest", "grpc" or "both". kInvalidArgument names what it was.
Result<Doors> ParseDoors(std::string_view mode);
/// `granary <service> [rest|grpc|both]`; `mode` keeps what it holds when the word is not given, and
/// lives as long as `app`.
void AddDoorsWord(CLI::App& app, std::string& mode);

}  // namespace granary::hosting
