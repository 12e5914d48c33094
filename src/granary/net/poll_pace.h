// The pace of a thread that waits for a socket: how often it looks up, and the clock that it looks
// at.
#pragma once

#include <cstdint>

#include "granary/io/clock.h"

namespace granary::net {

inline constexpr int kPollMs = 20;  ///< Between two looks at a cancel token.

inline std::int64_t NowNs() { return io::SystemClock().MonotonicNanos(); }

}  // namespace granary::net
