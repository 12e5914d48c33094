// Base64url without padding (RFC 4648, section 5): what tokens and keys are written in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace granary {

std::string Base64UrlEncode(std::string_view bytes);

/// Nothing unless `text` is exactly what Base64UrlEncode gives for some bytes: padding, white space
/// and stray bits in the last character are refused. So equal bytes have one spelling, and nobody
/// makes a second token of a first one.
std::optional<std::string> Base64UrlDecode(std::string_view text);

}  // namespace granary
