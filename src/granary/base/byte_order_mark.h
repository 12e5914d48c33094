// The mark that some programs put in front of UTF-8. It is no part of a text: RFC 8259 lets a
// parser of JSON pass over it, and so do the readers of CSV and NDJSON.
#pragma once

#include <string_view>

namespace granary {

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

inline std::string_view WithoutByteOrderMark(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

}  // namespace granary
