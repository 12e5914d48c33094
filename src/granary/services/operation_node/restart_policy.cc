#include "granary/services/operation_node/restart_policy.h"

#include <algorithm>

namespace granary::operation {

RestartState AfterExit(const RestartState& before, std::int64_t lived_ms,
                       const RestartLimits& limits) {
  const std::uint32_t failures = lived_ms >= limits.healthy_ms ? 1 : before.failures + 1;
  constexpr std::uint32_t kDoublingsMax = 30;
  const std::uint32_t doublings = std::min(failures - 1, kDoublingsMax);
  return {failures, std::min(limits.longest_ms, limits.first_ms << doublings)};
}

}  // namespace granary::operation
