// What a node's process needs, wherever it is set: MEMORY_LIMIT_MB, LAUNCH_MEMORY_MB, a quota.
#pragma once

#include <cstdint>

namespace granary {

/// Less and no request fits beside the program.
inline constexpr std::int64_t kNodeMemoryLeastMb = 96;

}  // namespace granary
