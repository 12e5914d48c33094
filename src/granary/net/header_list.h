// Headers that are lists of things with parameters (RFC 9110 §5.6): Accept, Accept-Encoding,
// Content-Encoding, Content-Type.
//
//   text/csv; header=present, "*/*";q=0.5   two items, the first with a parameter
//
// Threads    pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace granary::net {

struct HeaderParameter {
  std::string name;   ///< In lower case.
  std::string value;  ///< Without quotes.
};

struct HeaderItem {
  std::string value;  ///< In lower case.
  std::vector<HeaderParameter> parameters = {};

  /// The first of that name, which is in lower case.
  std::optional<std::string_view> Parameter(std::string_view name) const;
};

/// In the order of the header; empty items are passed over. A comma or semicolon inside quotes
/// divides nothing.
std::vector<HeaderItem> ParseHeaderList(std::string_view header);

/// "UTF-8" -> "utf-8", in ASCII alone.
std::string InLowerCase(std::string_view text);

}  // namespace granary::net
