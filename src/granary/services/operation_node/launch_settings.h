// What the nodes that an Operation Node launches are told alike, and whether they can work so.
//
// Where      they listen on LAUNCH_HOST, each on a port that is free, and are found there. On a
//            loopback address nobody else's machine reaches them, and nobody there is sent to them.
// Heard      their heartbeats go to OPERATION_NODE_URL, or where this Operation Node listens.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "granary/services/operation_node/config.h"

namespace granary::operation {

/// By the names of config.env. `port` is where this Operation Node listens.
std::vector<std::pair<std::string, std::string>> LaunchSettings(const Config& config,
                                                                std::uint16_t port);

/// Says what keeps nodes that are launched from being reached or heard; nothing where none is.
void CheckLaunching(const Config& config, std::vector<std::string>& complaints);

}  // namespace granary::operation
