// CRC-32C (Castagnoli), the checksum of every byte we put on disk.
#pragma once

#include <cstdint>
#include <string_view>

namespace granary {

/// Returns the CRC-32C of `bytes`, continuing from `seed` (0 starts a new one).
/// Crc32c("123456789") == 0xE3069283.
std::uint32_t Crc32c(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace granary
