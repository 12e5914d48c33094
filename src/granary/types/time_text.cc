#include "granary/types/time_text.h"

#include <array>

#include <fmt/format.h>

#include "granary/base/append_format.h"
#include "granary/base/int128.h"
#include "granary/base/utf8.h"
#include "granary/types/number_text.h"
#include "granary/types/short_text.h"
#include "granary/types/year_range.h"

namespace granary {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

struct CivilDate {
  std::int64_t year;
  unsigned month;
  unsigned day;
};

// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years start in March, eras
// are 400 years. In 64 bits, because data from elsewhere may lie far outside std::chrono's years.
std::int64_t DaysFromCivil(CivilDate date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t month = (date.month + 9) % 12;
  const std::int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

CivilDate CivilFromDays(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const std::int64_t day_of_era = days - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<unsigned>(day_of_year - (153 * month + 2) / 5 + 1);
  const auto civil_month = static_cast<unsigned>(month < 10 ? month + 3 : month - 9);
  return {year_of_era + era * 400 + (civil_month <= 2 ? 1 : 0), civil_month, day};
}

unsigned DaysInMonth(std::int64_t year, unsigned month) {
  constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

/// Takes exactly `count` digits off the front of `text`.
bool TakeDigits(std::string_view& text, std::size_t count, unsigned& value) {
  if (text.size() < count) return false;
  value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + static_cast<unsigned>(text[i] - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool TakeChar(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

bool TakeDate(std::string_view& text, std::int64_t& days) {
  unsigned year = 0, month = 0, day = 0;
  const bool read = TakeDigits(text, 4, year) && TakeChar(text, '-') &&
                    TakeDigits(text, 2, month) && TakeChar(text, '-') && TakeDigits(text, 2, day);
  if (!read || year < 1 || month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, month)) {
    return false;
  }
  days = DaysFromCivil({year, month, day});
  return true;
}

/// ".123456789012": at least one digit.
bool TakeFraction(std::string_view& text, Instant& time) {
  if (!TakeChar(text, '.')) return true;
  std::uint32_t place = kNanosPerSecond;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    const auto digit = static_cast<std::uint32_t>(text[digits] - '0');
    place /= 10;
    time.nanos += digit * place;
    if (place == 0 && digit != 0) time.finer = true;
  }
  text.remove_prefix(digits);
  return digits > 0;
}

/// "10:00", "10:00:00", "10:00:00.5". A leap second (:60) is not an instant that any unit can name.
bool TakeTime(std::string_view& text, bool seconds_needed, Instant& time) {
  unsigned hour = 0, minute = 0, second = 0;
  if (!TakeDigits(text, 2, hour) || !TakeChar(text, ':') || !TakeDigits(text, 2, minute)) {
    return false;
  }
  if (TakeChar(text, ':')) {
    if (!TakeDigits(text, 2, second) || !TakeFraction(text, time)) return false;
  } else if (seconds_needed) {
    return false;
  }
  if (hour > 23 || minute > 59 || second > 59) return false;
  time.seconds += hour * 3'600 + minute * 60 + second;
  return true;
}

/// "", "Z", "+02:00", "+0200", "+02": seconds east of UTC.
bool TakeOffset(std::string_view& text, std::int64_t& seconds) {
  seconds = 0;
  if (text.empty() || TakeChar(text, 'Z') || TakeChar(text, 'z')) return true;
  const bool west = text.front() == '-';
  if (!west && text.front() != '+') return false;
  text.remove_prefix(1);
  unsigned hours = 0, minutes = 0;
  if (!TakeDigits(text, 2, hours)) return false;
  if (!text.empty()) {
    TakeChar(text, ':');
    if (!TakeDigits(text, 2, minutes)) return false;
  }
  if (hours > 23 || minutes > 59) return false;
  seconds = hours * 3'600 + minutes * 60;
  if (west) seconds = -seconds;
  return true;
}

/// Two digits; `wrong` becomes more than 0 where there are none.
unsigned TwoDigits(const char* at, unsigned& wrong) {
  const unsigned tens = static_cast<unsigned char>(at[0]) - unsigned{'0'};
  const unsigned ones = static_cast<unsigned char>(at[1]) - unsigned{'0'};
  wrong |= static_cast<unsigned>(tens > 9) | static_cast<unsigned>(ones > 9);
  return tens * 10 + ones;
}

/// Takes "2024-01-15T10:00:00", which is how nearly every instant begins, in one go. False, with
/// nothing taken, for all else, which may be an instant or not.
bool TakeUsualSeconds(std::string_view& text, Instant& instant) {
  constexpr std::size_t kBytes = 19;
  if (text.size() < kBytes) return false;
  const char* at = text.data();
  unsigned wrong = 0;
  const unsigned century = TwoDigits(at, wrong), year_of_it = TwoDigits(at + 2, wrong);
  const unsigned month = TwoDigits(at + 5, wrong), day = TwoDigits(at + 8, wrong);
  const unsigned hour = TwoDigits(at + 11, wrong), minute = TwoDigits(at + 14, wrong);
  const unsigned second = TwoDigits(at + 17, wrong);
  const unsigned year = century * 100 + year_of_it;
  const bool shaped = at[4] == '-' && at[7] == '-' && (at[10] == 'T' || at[10] == ' ') &&
                      at[13] == ':' && at[16] == ':';
  if (wrong != 0 || !shaped || year < 1 || month < 1 || month > 12 || day < 1 ||
      day > DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 59)
    return false;
  instant.seconds =
      DaysFromCivil({year, month, day}) * kSecondsPerDay + (hour * 3'600 + minute * 60 + second);
  text.remove_prefix(kBytes);
  return true;
}

std::uint32_t NanosPerUnit(TimeUnit unit) {
  constexpr std::uint32_t kNanos[] = {1'000'000'000, 1'000'000, 1'000, 1};
  return kNanos[static_cast<int>(unit)];
}

bool IsFiner(const Instant& instant, TimeUnit unit) {
  return instant.finer || instant.nanos % NanosPerUnit(unit) != 0;
}

Status NotATimestamp(std::string_view text, std::string_view why) {
  return {Code::kInvalidRecord, fmt::format("\"{}\" {}", Quotable(text), why)};
}

char* WriteYear(std::int64_t year, char* to) {
  if (year < 1 || year > 9999) {
    std::string text;
    AppendFormat(text, "{:+05}", year);  // 13 bytes at most: 64 bits of seconds.
    return WriteText(text, to);
  }
  const auto small = static_cast<unsigned>(year);
  return WriteTwo(small % 100, WriteTwo(small / 100, to));
}

char* WriteTimeOfDay(unsigned seconds, char* to) {
  to = WriteChar(':', WriteTwo(seconds / 3'600, to));
  to = WriteChar(':', WriteTwo(seconds / 60 % 60, to));
  return WriteTwo(seconds % 60, to);
}

/// `fraction` in units of 10^-digits; nothing when zero.
char* WriteFraction(std::uint64_t fraction, int digits, char* to) {
  if (fraction == 0) return to;
  for (; fraction % 10 == 0; fraction /= 10) --digits;
  return WriteDigits(fraction, static_cast<std::size_t>(digits), WriteChar('.', to));
}

std::int64_t FloorDivide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
/// What FloorDivide leaves. Not a - quotient * b, which overflows at the lower end.
std::int64_t FloorRest(std::int64_t a, std::int64_t b) { return a % b + (a % b < 0 ? b : 0); }

int FractionDigits(TimeUnit unit) { return static_cast<int>(unit) * 3; }

}  // namespace

std::optional<std::int64_t> ParseDate(std::string_view text) {
  std::int64_t days = 0;
  if (!TakeDate(text, days) || !text.empty()) return std::nullopt;
  return days;
}

std::optional<Instant> ParseInstant(std::string_view text) {
  std::int64_t offset = 0;
  if (Instant usual; TakeUsualSeconds(text, usual)) {
    if (text == "Z") return usual;
    if (!TakeFraction(text, usual) || !TakeOffset(text, offset) || !text.empty())
      return std::nullopt;
    usual.seconds -= offset;
    return usual;
  }
  std::int64_t days = 0;
  if (!TakeDate(text, days)) return std::nullopt;
  Instant instant{days * kSecondsPerDay, 0, false};
  if (text.empty()) return instant;
  if (!TakeChar(text, 'T') && !TakeChar(text, 't') && !TakeChar(text, ' ')) return std::nullopt;
  if (!TakeTime(text, false, instant) || !TakeOffset(text, offset) || !text.empty()) {
    return std::nullopt;
  }
  instant.seconds -= offset;
  return instant;
}

std::optional<Instant> ParseTimeOfDay(std::string_view text) {
  Instant time;
  if (!TakeTime(text, true, time) || !text.empty()) return std::nullopt;
  return time;
}

std::optional<std::int64_t> InUnits(const Instant& instant, TimeUnit unit) {
  if (!IsInYears(instant.seconds)) return std::nullopt;
  if (std::int64_t whole = 0;
      instant.nanos == 0 && !instant.finer &&
      !__builtin_mul_overflow(instant.seconds, UnitsPerSecond(unit), &whole))
    return whole;
  if (IsFiner(instant, unit)) return std::nullopt;
  const Int128 value = static_cast<Int128>(instant.seconds) * UnitsPerSecond(unit) +
                       instant.nanos / NanosPerUnit(unit);
  if (value != static_cast<std::int64_t>(value)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

Result<std::int64_t> ParseTimestamp(std::string_view text, TimeUnit unit) {
  const auto instant = ParseInstant(text);
  if (!instant) return NotATimestamp(text, "is not an RFC 3339 timestamp (2024-01-15T10:00:00Z)");
  if (const auto value = InUnits(*instant, unit)) return *value;
  if (!IsInYears(instant->seconds))
    return NotATimestamp(text, "is outside the years 0001 to 9999 in UTC");
  const std::string type = DataType::Timestamp(unit).ToString();
  if (IsFiner(*instant, unit)) return NotATimestamp(text, fmt::format("is finer than {}", type));
  return NotATimestamp(text,
                       fmt::format("is outside what {} holds (1677-09-21 to 2262-04-11)", type));
}

std::optional<std::int64_t> ParseTime(std::string_view text) {
  const auto time = ParseTimeOfDay(text);
  if (!time || time->finer || time->nanos % 1'000 != 0) return std::nullopt;
  return time->seconds * 1'000'000 + time->nanos / 1'000;
}

char* WriteDate(std::int64_t days, char* to) {
  const CivilDate date = CivilFromDays(days);
  to = WriteChar('-', WriteYear(date.year, to));
  to = WriteChar('-', WriteTwo(date.month, to));
  return WriteTwo(date.day, to);
}

char* WriteTimestamp(std::int64_t value, TimeUnit unit, char* to) {
  const std::int64_t units = UnitsPerSecond(unit);
  const std::int64_t seconds = FloorDivide(value, units);
  const auto fraction = static_cast<std::uint64_t>(FloorRest(value, units));
  to = WriteChar('T', WriteDate(FloorDivide(seconds, kSecondsPerDay), to));
  to = WriteTimeOfDay(static_cast<unsigned>(FloorRest(seconds, kSecondsPerDay)), to);
  return WriteChar('Z', WriteFraction(fraction, FractionDigits(unit), to));
}

char* WriteTime(std::int64_t micros, char* to) {
  constexpr std::int64_t kMicrosPerDay = kSecondsPerDay * 1'000'000;
  micros = FloorRest(micros, kMicrosPerDay);  // Data from elsewhere may be off.
  to = WriteTimeOfDay(static_cast<unsigned>(micros / 1'000'000), to);
  return WriteFraction(static_cast<std::uint64_t>(micros % 1'000'000), 6, to);
}

void AppendDate(std::int64_t days, std::string& out) {
  std::array<char, kShortTextMax> text;
  out.append(text.data(), WriteDate(days, text.data()));
}

void AppendTimestamp(std::int64_t value, TimeUnit unit, std::string& out) {
  std::array<char, kShortTextMax> text;
  out.append(text.data(), WriteTimestamp(value, unit, text.data()));
}

void AppendTime(std::int64_t micros, std::string& out) {
  std::array<char, kShortTextMax> text;
  out.append(text.data(), WriteTime(micros, text.data()));
}

}  // namespace granary
