// Base64 (RFC 4648, section 4: the alphabet with + and /, padded).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace granary {

std::string Base64Encode(std::string_view bytes);

/// Nothing unless `text` is exactly what Base64Encode gives for some bytes: padding is required,
/// white space and stray bits in the last character are refused. So equal bytes have one spelling.
std::optional<std::string> Base64Decode(std::string_view text);

}  // namespace granary
