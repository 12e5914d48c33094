// Calendar arithmetic on counts since 1970 (proleptic Gregorian, UTC): the start of the year,
// quarter, month, ISO week (Monday), day, hour or minute that an instant lies in.
//
// Source     Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
// Threads    pure functions.
#pragma once

#include <cstdint>

#include "granary/query/plan/requests.h"

namespace granary::query {

/// floor(a / b), b > 0.
constexpr std::int64_t FloorDivide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

/// The greatest multiple of `width` not above `value`; the least int64 when that multiple is below
/// it.
std::int64_t FloorToMultiple(std::int64_t value, std::int64_t width);

/// As FloorToMultiple, of the multiples that are counted from `phase`, 0 to width - 1.
std::int64_t FloorToPhase(std::int64_t value, std::int64_t width, std::int64_t phase);

/// The first day of the part that `days` lies in; the day itself for day, hour and minute.
std::int64_t FloorDays(DatePart part, std::int64_t days);

/// Floors `count` instants of `units_per_second` in place. What lies before the first instant that
/// 64 bits hold becomes that instant.
void FloorInstants(DatePart part, std::int64_t units_per_second, std::int64_t* values,
                   std::int64_t count);

}  // namespace granary::query
