// Short bounds for long strings: a lower bound is a prefix, an upper bound a prefix that was
// counted up.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace granary::storage {

/// What may be cut: text only between characters, so that a bound of text is text.
enum class BytesKind { kText, kBinary };

/// The longest prefix of at most `max_bytes`.
std::string_view CutPrefix(std::string_view value, std::size_t max_bytes, BytesKind kind);

/// A string above every string that starts with `prefix`, or nothing when there is none. For text
/// the last character that has a successor is counted up.
std::optional<std::string> PrefixSuccessor(std::string_view prefix, BytesKind kind);

}  // namespace granary::storage
