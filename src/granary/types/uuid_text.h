// UUIDs and bytes as hexadecimal text (RFC 9562): 16 bytes <->
// "6f9619ff-8b86-d011-b42d-00c04fc964ff".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace granary {

inline constexpr std::size_t kUuidBytes = 16;

/// The 16 bytes; any case, with its four dashes or with none.
std::optional<std::string> ParseUuid(std::string_view text);
/// Lower case with dashes. `bytes` must be 16 long.
void AppendUuid(std::string_view bytes, std::string& out);
/// Two lower-case digits a byte.
void AppendHex(std::string_view bytes, std::string& out);

}  // namespace granary
