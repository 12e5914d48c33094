// Years, months, days and hours since 1970 of instants, for every int64 in every unit.
//
// Source     Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"
//            (https://howardhinnant.github.io/date_algorithms.html), on 64 bits: the library's own
//            year has 16, and data from elsewhere may lie further out.
#pragma once

#include <cstdint>
#include <string>

#include "granary/base/int128.h"
#include "granary/storage/partition/partition.h"

namespace granary::storage {

/// Rounds towards minus infinity; `divisor` > 0.
constexpr std::int64_t FloorDivide(std::int64_t value, std::int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

/// How a temporal column counts.
struct TimeScale {
  std::int64_t per_hour = 0;  ///< 0 for a date: it has no hours.
  std::int64_t per_day = 1;
};
TimeScale ScaleOf(const DataType& type);

/// The year, month, day or hour, counted from 1970, that an instant lies in.
std::int64_t PeriodOf(TransformKind kind, std::int64_t value, const TimeScale& scale);
/// The first instant of a period; it need not fit into 64 bits.
Int128 StartOfPeriod(TransformKind kind, std::int64_t period, const TimeScale& scale);

/// 2024, 2024-03, 2024-03-31, 2024-03-31-23.
std::string PeriodText(TransformKind kind, std::int64_t period);

}  // namespace granary::storage
