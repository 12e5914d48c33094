// Values whose text is short, written into memory that the caller has: what AppendInteger,
// AppendDoubleText, AppendFloatText, AppendDecimal (number_text.h), AppendDate, AppendTimestamp,
// AppendTime (time_text.h) and AppendUuid (uuid_text.h) append.
//
// Shape      each writes at most kShortTextMax bytes from `to` on and returns their end.
// Threads    pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "granary/base/int128.h"
#include "granary/types/data_type.h"

namespace granary {

inline constexpr std::size_t kShortTextMax = 64;

char* WriteInteger(std::int64_t value, char* to);
char* WriteInteger(std::uint64_t value, char* to);
char* WriteDoubleText(double value, char* to);
char* WriteFloatText(float value, char* to);
/// `scale` of at most 38.
char* WriteDecimal(Int128 unscaled, int scale, char* to);
char* WriteDate(std::int64_t days, char* to);
char* WriteTimestamp(std::int64_t value, TimeUnit unit, char* to);
char* WriteTime(std::int64_t micros, char* to);
/// The first kUuidBytes of `bytes`.
char* WriteUuid(std::string_view bytes, char* to);

/// What they are put together of.
inline char* WriteChar(char c, char* to) {
  *to = c;
  return to + 1;
}
inline char* WriteText(std::string_view text, char* to) {
  return to + text.copy(to, text.size());  // An empty one may be nowhere.
}
/// With zeroes in front, as many as there are digits to be.
inline char* WriteDigits(std::uint64_t value, std::size_t digits, char* to) {
  for (std::size_t at = digits; at-- > 0; value /= 10) to[at] = static_cast<char>('0' + value % 10);
  return to + digits;
}
/// 07 for 7; below 100.
inline char* WriteTwo(unsigned value, char* to) {
  to[0] = static_cast<char>('0' + value / 10);
  to[1] = static_cast<char>('0' + value % 10);
  return to + 2;
}

}  // namespace granary
