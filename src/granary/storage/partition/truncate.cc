#include "granary/storage/partition/truncate.h"

namespace granary::storage {
namespace {

bool StartsCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

}  // namespace

std::string_view TruncateText(std::string_view text, std::uint32_t width) {
  if (text.size() <= width) return text;
  std::uint32_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (StartsCharacter(text[i]) && characters++ == width) return text.substr(0, i);
  }
  return text;
}

bool IsFullWidth(std::string_view text, std::uint32_t width) {
  std::uint32_t characters = 0;
  for (const char byte : text) characters += StartsCharacter(byte) ? 1 : 0;
  return characters >= width;
}

}  // namespace granary::storage
