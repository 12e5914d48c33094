// Dates and times as text, RFC 3339 in UTC, without ever passing through a double.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/types/data_type.h"

namespace granary {

inline constexpr std::int64_t kSecondsPerDay = 86'400;

/// "2024-01-15" -> days since 1970. Years 0001 to 9999. Nothing when it is not a date.
std::optional<std::int64_t> ParseDate(std::string_view text);

/// An instant: "2024-01-15T10:00:00.123456789+02:00", a space for the T, no offset (UTC), a bare
/// date (midnight UTC), seconds left out. kInvalidRecord when it is none of these, when the
/// fraction is finer than `unit` (unless only zeroes), outside the years 0001 to 9999 in UTC or
/// outside what 64 bits of `unit` hold.
Result<std::int64_t> ParseTimestamp(std::string_view text, TimeUnit unit);

/// An instant as written: whole seconds since 1970 (floored) and what follows, to the nanosecond.
struct Instant {
  std::int64_t seconds = 0;
  std::uint32_t nanos = 0;
  bool finer = false;  ///< Digits beyond the nanosecond that are not zero.
};
/// What ParseTimestamp reads, before any unit, and of any year; nothing when it is not an instant.
std::optional<Instant> ParseInstant(std::string_view text);
/// In units since 1970; nothing when finer than the unit, outside its 64 bits or of no such year.
std::optional<std::int64_t> InUnits(const Instant& instant, TimeUnit unit);
/// "10:00:00[.f…]" as seconds since midnight and nanoseconds.
std::optional<Instant> ParseTimeOfDay(std::string_view text);

/// "10:00:00[.ffffff]" -> microseconds since midnight; "24:00:00" is refused.
std::optional<std::int64_t> ParseTime(std::string_view text);

void AppendDate(std::int64_t days, std::string& out);
/// Years outside 0001 to 9999 (files from elsewhere) get a sign, as in ISO 8601: +12024-01-15.
/// 2024-01-15T00:00:00Z; the fraction only when not zero, trailing zeroes cut, up to ns.
void AppendTimestamp(std::int64_t value, TimeUnit unit, std::string& out);
void AppendTime(std::int64_t micros, std::string& out);

}  // namespace granary
