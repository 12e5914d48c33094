// The dates and instants that there are: RFC 3339 writes the years 0001 to 9999 and no others, so
// no other one comes in, by whatever way.
//
// Units      seconds and days since 1970, in UTC. Both ends are inside, any fraction of the last
//            second too.
#pragma once

#include <cstdint>

namespace granary {

inline constexpr std::int64_t kInstantSecondsMin = -62'135'596'800;  // 0001-01-01T00:00:00Z
inline constexpr std::int64_t kInstantSecondsMax = 253'402'300'799;  // 9999-12-31T23:59:59Z
inline constexpr std::int64_t kDateDaysMin = -719'162;
inline constexpr std::int64_t kDateDaysMax = 2'932'896;

inline constexpr bool IsInYears(std::int64_t seconds) {
  return seconds >= kInstantSecondsMin && seconds <= kInstantSecondsMax;
}

}  // namespace granary
