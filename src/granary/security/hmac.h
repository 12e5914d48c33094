// HMAC-SHA-256: a signature that only who knows the key can make or check.
//
// Source     RFC 2104 and FIPS 180-4, by OpenSSL.
// Threads    pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary::security {

inline constexpr std::size_t kHmacBytes = 32;

/// kHmacBytes bytes. kInternal when the library has none.
Result<std::string> HmacSha256(std::string_view key, std::string_view bytes);

/// Takes as long for any two texts of the same length, so that nobody learns by how much a guess
/// was wrong.
bool EqualInConstantTime(std::string_view a, std::string_view b);

}  // namespace granary::security
