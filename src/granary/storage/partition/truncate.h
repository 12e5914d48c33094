// truncate[W]: the value that a value is grouped under.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "granary/base/int128.h"

namespace granary::storage {

/// The greatest multiple of `width` not above the value.
constexpr Int128 TruncateNumber(Int128 value, std::uint32_t width) {
  const Int128 rest = value % width;
  return value - (rest < 0 ? rest + width : rest);
}
/// Where that would lie below all 64-bit numbers (Iceberg leaves the overflow open) it is the
/// lowest of them, so that the order is kept.
constexpr std::int64_t TruncateLong(std::int64_t value, std::uint32_t width) {
  constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
  const std::int64_t rest = value % width;
  const std::int64_t below = rest < 0 ? rest + width : rest;
  return value < kLowest + below ? kLowest : value - below;
}

/// The first `width` characters (code points) of UTF-8 text.
std::string_view TruncateText(std::string_view text, std::uint32_t width);
/// True when `text` has `width` characters: then it may be the beginning of a longer one.
bool IsFullWidth(std::string_view text, std::uint32_t width);

}  // namespace granary::storage
