// Text that stands for itself in a JSON string: ASCII without controls, quotes and backslashes.
//
// Threads    pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace granary::json {

/// True when one of the eight bytes at `at` has to be looked at by itself. The usual trick for "some
/// byte is zero / less than n"; a false alarm only means the slow path.
inline bool NeedsCare(const char* at) {
  constexpr auto repeat = [](unsigned char byte) { return 0x0101010101010101ULL * byte; };
  constexpr auto has_zero = [repeat](std::uint64_t word) { return (word - repeat(1)) & ~word; };
  std::uint64_t bytes;
  std::memcpy(&bytes, at, sizeof bytes);
  const std::uint64_t control = (bytes - repeat(0x20)) & ~bytes;
  const std::uint64_t quote = has_zero(bytes ^ repeat('"'));
  const std::uint64_t backslash = has_zero(bytes ^ repeat('\\'));
  return ((control | quote | backslash | bytes) & repeat(0x80)) != 0;
}

/// How many bytes at the front are plain.
inline std::size_t PlainPrefix(std::string_view text) {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    if (NeedsCare(text.data() + at)) break;
  }
  // The last bytes, as eight that end with them.
  if (at + 8 > text.size() && text.size() >= 8 && !NeedsCare(text.data() + text.size() - 8))
    return text.size();
  for (; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') break;
  }
  return at;
}

inline bool IsPlain(std::string_view text) { return PlainPrefix(text) == text.size(); }

}  // namespace granary::json
