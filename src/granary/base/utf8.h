// Is this text? Everything that a user sends as a string must be.
#pragma once

#include <cstddef>
#include <string_view>

namespace granary {

/// True for well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsValidUtf8(std::string_view bytes);

/// The length of the longest well-formed prefix; a whole valid text has its own length.
std::size_t ValidUtf8PrefixBytes(std::string_view bytes);

/// How much of a user's text a message quotes.
inline constexpr std::size_t kQuotedBytesMax = 64;

/// The text as a message may quote it: its first kQuotedBytesMax bytes, without the rest of a
/// character that they cut. A message must be UTF-8: gRPC clients do not read another one.
std::string_view Quotable(std::string_view text);

}  // namespace granary
