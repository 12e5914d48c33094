#include "granary/base/utf8.h"

#include <simdjson.h>

namespace granary {
namespace {

bool IsContinuation(std::string_view bytes, std::size_t at) {
  return at < bytes.size() && (static_cast<unsigned char>(bytes[at]) & 0xC0) == 0x80;
}

// The length of the well-formed character at `at`, or 0.
std::size_t CharacterBytes(std::string_view bytes, std::size_t at) {
  const auto lead = static_cast<unsigned char>(bytes[at]);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || !IsContinuation(bytes, at + 1)) return 0;
  if (lead < 0xE0) return 2;
  const auto second = static_cast<unsigned char>(bytes[at + 1]);
  if (!IsContinuation(bytes, at + 2)) return 0;
  if (lead < 0xF0) {
    const bool overlong = lead == 0xE0 && second < 0xA0;
    const bool surrogate = lead == 0xED && second >= 0xA0;
    return overlong || surrogate ? 0 : 3;
  }
  const bool overlong = lead == 0xF0 && second < 0x90;
  const bool beyond = lead > 0xF4 || (lead == 0xF4 && second >= 0x90);
  return overlong || beyond || !IsContinuation(bytes, at + 3) ? 0 : 4;
}

}  // namespace

bool IsValidUtf8(std::string_view bytes) {
  return simdjson::validate_utf8(bytes.data(), bytes.size());
}

std::size_t ValidUtf8PrefixBytes(std::string_view bytes) {
  if (IsValidUtf8(bytes)) return bytes.size();
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t length = CharacterBytes(bytes, at);
    if (length == 0) break;
    at += length;
  }
  return at;
}

std::string_view Quotable(std::string_view text) {
  return text.substr(0, ValidUtf8PrefixBytes(text.substr(0, kQuotedBytesMax)));
}

}  // namespace granary
