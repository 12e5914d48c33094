#include "granary/base/crc32c.h"

#include <isa-l/crc.h>

namespace granary {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 30;  // isa-l takes the length as an int.

}  // namespace

// isa-l neither inverts the seed nor the result; the published CRC-32C inverts both, and with both
// inverted a checksum can be continued.
std::uint32_t Crc32c(std::string_view bytes, std::uint32_t seed) {
  std::uint32_t crc = ~seed;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPieceBytes);
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(piece.data()));  // Only read.
    crc = crc32_iscsi(data, static_cast<int>(piece.size()), crc);
    bytes.remove_prefix(piece.size());
  }
  return ~crc;
}

}  // namespace granary
