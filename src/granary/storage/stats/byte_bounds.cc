#include "granary/storage/stats/byte_bounds.h"

#include <cstdint>

#include "granary/base/utf8.h"

namespace granary::storage {
namespace {

constexpr char32_t kLastCharacter = 0x10FFFF;
constexpr char32_t kFirstSurrogate = 0xD800;
constexpr char32_t kAfterSurrogates = 0xE000;

bool IsContinuation(char byte) { return (static_cast<std::uint8_t>(byte) & 0xC0) == 0x80; }

/// The character that starts at `at` of well-formed text and ends it.
char32_t LastCharacter(std::string_view text, std::size_t at) {
  const auto lead = static_cast<std::uint8_t>(text[at]);
  const std::size_t length = text.size() - at;
  char32_t point = length == 1 ? lead : lead & (0x7Fu >> length);
  for (std::size_t i = at + 1; i < text.size(); ++i) point = point << 6 | (text[i] & 0x3F);
  return point;
}

void AppendCharacter(char32_t point, std::string& out) {
  const auto tail = [&](int shift) {
    out.push_back(static_cast<char>(0x80 | (point >> shift & 0x3F)));
  };
  if (point < 0x80) {
    out.push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    out.push_back(static_cast<char>(0xC0 | point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | point >> 12));
    tail(6);
    tail(0);
  } else {
    out.push_back(static_cast<char>(0xF0 | point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::optional<std::string> TextSuccessor(std::string_view text) {
  while (!text.empty()) {
    std::size_t last = text.size() - 1;
    while (last > 0 && IsContinuation(text[last])) --last;
    const char32_t point = LastCharacter(text, last);
    text = text.substr(0, last);
    if (point == kLastCharacter) continue;
    std::string out(text);
    AppendCharacter(point + 1 == kFirstSurrogate ? kAfterSurrogates : point + 1, out);
    return out;
  }
  return std::nullopt;
}

std::optional<std::string> BinarySuccessor(std::string_view bytes) {
  while (!bytes.empty() && bytes.back() == '\xFF') bytes.remove_suffix(1);
  if (bytes.empty()) return std::nullopt;
  std::string out(bytes);
  ++out.back();
  return out;
}

}  // namespace

std::string_view CutPrefix(std::string_view value, std::size_t max_bytes, BytesKind kind) {
  if (value.size() <= max_bytes) return value;
  if (kind == BytesKind::kText) {
    std::size_t end = max_bytes;
    while (end > 0 && max_bytes - end < 4 && IsContinuation(value[end])) --end;
    max_bytes = end;
  }
  return value.substr(0, max_bytes);
}

std::optional<std::string> PrefixSuccessor(std::string_view prefix, BytesKind kind) {
  if (kind == BytesKind::kText && IsValidUtf8(prefix)) return TextSuccessor(prefix);
  return BinarySuccessor(prefix);
}

}  // namespace granary::storage
