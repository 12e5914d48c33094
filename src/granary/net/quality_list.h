// Lists that a client weighs with q-values (RFC 9110 §12.4.2): Accept, Accept-Encoding.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace granary::net {

struct QualityItem {
  std::string value;       ///< In lower case, without parameters.
  int thousandths = 1000;  ///< Of q; 0 is "not this".
};

/// In the order of the header. An item with a malformed q counts as not wanted.
std::vector<QualityItem> ParseQualityList(std::string_view header);

/// The offered media type that the client likes best; among equals the first. The most specific
/// range that fits a type ("text/csv" before "text/*" before "*/*") decides about it. Nothing when
/// none is acceptable. An empty header accepts all.
std::optional<std::size_t> ChooseMediaType(std::string_view accept,
                                           std::span<const std::string_view> offered);

}  // namespace granary::net
