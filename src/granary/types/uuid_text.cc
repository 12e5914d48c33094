#include "granary/types/uuid_text.h"

#include <algorithm>
#include <array>

#include "granary/types/short_text.h"

namespace granary {
namespace {

constexpr std::size_t kDashedChars = 36;

constexpr char kHex[] = "0123456789abcdef";

bool IsDashPlace(std::size_t at) { return at == 8 || at == 13 || at == 18 || at == 23; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<std::string> ParseUuid(std::string_view text) {
  const bool dashed = text.size() == kDashedChars;
  if (!dashed && text.size() != 2 * kUuidBytes) return std::nullopt;
  std::string bytes(kUuidBytes, '\0');
  std::size_t digits = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (dashed && IsDashPlace(at)) {
      if (text[at] != '-') return std::nullopt;
      continue;
    }
    const int digit = HexDigit(text[at]);
    if (digit < 0) return std::nullopt;
    char& byte = bytes[digits / 2];
    byte = static_cast<char>(static_cast<unsigned char>(byte) << 4 | digit);
    ++digits;
  }
  return bytes;
}

void AppendHex(std::string_view bytes, std::string& out) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
}

char* WriteUuid(std::string_view bytes, char* to) {
  for (std::size_t at = 0; at < std::min(bytes.size(), kUuidBytes); ++at) {
    if (at == 4 || at == 6 || at == 8 || at == 10) to = WriteChar('-', to);
    const auto byte = static_cast<unsigned char>(bytes[at]);
    to = WriteChar(kHex[byte & 15], WriteChar(kHex[byte >> 4], to));
  }
  return to;
}

void AppendUuid(std::string_view bytes, std::string& out) {
  std::array<char, kShortTextMax> text;
  out.append(text.data(), WriteUuid(bytes, text.data()));
}

}  // namespace granary
