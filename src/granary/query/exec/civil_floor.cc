#include "granary/query/exec/civil_floor.h"

#include <array>
#include <limits>

namespace granary::query {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;

struct YearMonth {
  std::int64_t year = 0;
  int month = 0;  ///< 1 to 12.
};

YearMonth CivilOf(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = FloorDivide(days, 146'097);
  const std::int64_t day_of_era = days - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const auto shifted_month = static_cast<int>((5 * day_of_year + 2) / 153);  // 0 is March
  const int month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month};
}

/// Days since 1970 of the first of a month.
std::int64_t FirstOf(std::int64_t year, int month) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = FloorDivide(year, 400);
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719'468;
}

/// Remembers the starts of days met lately: a column has few days for many rows.
class DayFloors {
 public:
  explicit DayFloors(DatePart part) : part_(part) {
    days_.fill(std::numeric_limits<std::int64_t>::min());
  }
  std::int64_t Of(std::int64_t days) {
    const std::size_t at = static_cast<std::uint64_t>(days) % kKept;
    if (days_[at] != days) {
      days_[at] = days;
      starts_[at] = FloorDays(part_, days);
    }
    return starts_[at];
  }

 private:
  static constexpr std::size_t kKept = 1024;
  DatePart part_;
  std::array<std::int64_t, kKept> days_;
  std::array<std::int64_t, kKept> starts_;
};

/// The divisor is a constant, so that the compiler multiplies instead of dividing.
template <std::int64_t kUnitsPerDay>
void FloorByDay(DatePart part, std::int64_t* values, std::int64_t count) {
  DayFloors floors(part);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t start = floors.Of(FloorDivide(values[i], kUnitsPerDay));
    if (__builtin_mul_overflow(start, kUnitsPerDay, &values[i]))
      values[i] = std::numeric_limits<std::int64_t>::min();
  }
}

}  // namespace

std::int64_t FloorToMultiple(std::int64_t value, std::int64_t width) {
  std::int64_t floored;
  if (__builtin_mul_overflow(FloorDivide(value, width), width, &floored)) {
    return std::numeric_limits<std::int64_t>::min();
  }
  return floored;
}

std::int64_t FloorToPhase(std::int64_t value, std::int64_t width, std::int64_t phase) {
  std::int64_t rest = value % width;
  if (rest < 0) rest += width;
  rest -= phase;
  if (rest < 0) rest += width;
  std::int64_t floored;
  if (__builtin_sub_overflow(value, rest, &floored))
    return std::numeric_limits<std::int64_t>::min();
  return floored;
}

std::int64_t FloorDays(DatePart part, std::int64_t days) {
  switch (part) {
    case DatePart::kYear: return FirstOf(CivilOf(days).year, 1);
    case DatePart::kQuarter: {
      const YearMonth civil = CivilOf(days);
      return FirstOf(civil.year, (civil.month - 1) / 3 * 3 + 1);
    }
    case DatePart::kMonth: {
      const YearMonth civil = CivilOf(days);
      return FirstOf(civil.year, civil.month);
    }
    case DatePart::kWeek: return FloorDivide(days + 3, 7) * 7 - 3;  // 1970-01-01 was a Thursday
    default: return days;
  }
}

void FloorInstants(DatePart part, std::int64_t units_per_second, std::int64_t* values,
                   std::int64_t count) {
  if (part == DatePart::kHour || part == DatePart::kMinute) {
    const std::int64_t width = units_per_second * (part == DatePart::kHour ? 3600 : 60);
    for (std::int64_t i = 0; i < count; ++i) values[i] = FloorToMultiple(values[i], width);
    return;
  }
  switch (units_per_second) {
    case 1: return FloorByDay<kSecondsPerDay>(part, values, count);
    case 1'000: return FloorByDay<kSecondsPerDay * 1'000>(part, values, count);
    case 1'000'000: return FloorByDay<kSecondsPerDay * 1'000'000>(part, values, count);
    default: return FloorByDay<kSecondsPerDay * 1'000'000'000>(part, values, count);
  }
}

}  // namespace granary::query
