// SHA-256, and texts that nobody can guess.
//
// Source     FIPS 180-4, by OpenSSL.
// Threads    pure functions, but for what `random` says of itself.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "granary/io/clock.h"

namespace granary::security {

inline constexpr std::size_t kDigestBytes = 32;

/// kDigestBytes bytes.
std::string Sha256(std::string_view bytes);

/// "0f3a…": two hexadecimal digits a byte.
std::string Hex(std::string_view bytes);

std::string RandomBytes(io::Random& random, std::size_t count);

/// `count` letters and digits, 5.95 bits each; every one as likely as any other.
std::string RandomText(io::Random& random, std::size_t count);

/// "0f3a…": `count` hexadecimal digits, for names.
std::string RandomName(io::Random& random, std::size_t count);

}  // namespace granary::security
