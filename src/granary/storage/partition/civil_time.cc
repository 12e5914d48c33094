#include "granary/storage/partition/civil_time.h"

#include <fmt/format.h>

#include "granary/base/check.h"

namespace granary::storage {
namespace {

constexpr std::int64_t kDaysPerEra = 146'097;  // 400 years.
constexpr std::int64_t kEpochInEras =
    719'468;  // Days from 0000-03-01, where eras start, to 1970-01-01.
constexpr std::int64_t kEpochYear = 1970;
constexpr std::int64_t kHoursPerDay = 24;

struct YearMonth {
  std::int64_t year = 0;
  int month = 0;  ///< 1 to 12.
  int day = 0;    ///< 1 to 31.
};

YearMonth CivilFromDays(std::int64_t days) {
  const std::int64_t shifted = days + kEpochInEras;
  const std::int64_t era = FloorDivide(shifted, kDaysPerEra);
  const auto day_of_era = static_cast<unsigned>(shifted - era * kDaysPerEra);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned from_march = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<int>(day_of_year - (153 * from_march + 2) / 5 + 1);
  const int month = static_cast<int>(from_march < 10 ? from_march + 3 : from_march - 9);
  return {era * 400 + year_of_era + (month <= 2 ? 1 : 0), month, day};
}

std::int64_t DaysFromCivil(std::int64_t year, int month) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = FloorDivide(year, 400);
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const auto from_march = static_cast<unsigned>(month > 2 ? month - 3 : month + 9);
  const unsigned day_of_year = (153 * from_march + 2) / 5;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * kDaysPerEra + day_of_era - kEpochInEras;
}

}  // namespace

TimeScale ScaleOf(const DataType& type) {
  if (type.kind() == TypeKind::kDate) return {};
  const std::int64_t per_hour = 3600 * UnitsPerSecond(type.unit());
  return {.per_hour = per_hour, .per_day = kHoursPerDay * per_hour};
}

std::int64_t PeriodOf(TransformKind kind, std::int64_t value, const TimeScale& scale) {
  if (kind == TransformKind::kHour) return FloorDivide(value, scale.per_hour);
  const std::int64_t days = FloorDivide(value, scale.per_day);
  if (kind == TransformKind::kDay) return days;
  const YearMonth date = CivilFromDays(days);
  if (kind == TransformKind::kYear) return date.year - kEpochYear;
  return (date.year - kEpochYear) * 12 + date.month - 1;
}

Int128 StartOfPeriod(TransformKind kind, std::int64_t period, const TimeScale& scale) {
  switch (kind) {
    case TransformKind::kHour: return Int128{period} * scale.per_hour;
    case TransformKind::kDay: return Int128{period} * scale.per_day;
    case TransformKind::kYear: return Int128{DaysFromCivil(period + kEpochYear, 1)} * scale.per_day;
    default: break;
  }
  const std::int64_t years = FloorDivide(period, 12);
  const auto month = static_cast<int>(period - years * 12) + 1;
  return Int128{DaysFromCivil(years + kEpochYear, month)} * scale.per_day;
}

std::string PeriodText(TransformKind kind, std::int64_t period) {
  if (kind == TransformKind::kYear) return fmt::format("{:04}", period + kEpochYear);
  if (kind == TransformKind::kMonth) {
    const std::int64_t years = FloorDivide(period, 12);
    return fmt::format("{:04}-{:02}", years + kEpochYear, period - years * 12 + 1);
  }
  const std::int64_t days =
      kind == TransformKind::kHour ? FloorDivide(period, kHoursPerDay) : period;
  const YearMonth date = CivilFromDays(days);
  std::string text = fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
  if (kind == TransformKind::kHour) text += fmt::format("-{:02}", period - days * kHoursPerDay);
  return text;
}

}  // namespace granary::storage
