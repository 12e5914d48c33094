// RestartPolicy: when a node process that ended by itself is started again.
//
// Threads    pure functions.
#pragma once

#include <cstdint>

namespace granary::operation {

struct RestartLimits {
  std::int64_t first_ms = 500;  ///< The first wait; each further one is twice as long,
  std::int64_t longest_ms = 60'000;
  std::int64_t healthy_ms = 60'000;  ///< unless the process lived for so long.
};

struct RestartState {
  std::uint32_t failures = 0;  ///< In a row.
  std::int64_t wait_ms = 0;    ///< Until the next start.
  bool operator==(const RestartState&) const = default;
};

/// After a process ended that had lived for `lived_ms`.
RestartState AfterExit(const RestartState& before, std::int64_t lived_ms,
                       const RestartLimits& limits);

}  // namespace granary::operation
