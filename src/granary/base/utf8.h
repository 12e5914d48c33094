// Is this text? Everything that a user sends as a string must be.
#pragma once

#include <cstddef>
#include <string_view>

namespace granary {

/// True for well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsValidUtf8(std::string_view bytes);

/// The length of the longest well-formed prefix; a whole valid text has its own length.
std::size_t ValidUtf8PrefixBytes(std::string_view bytes);

}  // namespace granary
