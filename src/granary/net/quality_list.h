// Lists that a client weighs with q-values (RFC 9110 §12.4.2): Accept, Accept-Encoding.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "granary/net/header_list.h"

namespace granary::net {

struct QualityItem {
  std::string value;                             ///< In lower case, without parameters.
  std::vector<HeaderParameter> parameters = {};  ///< Before q.
  int thousandths = 1000;                        ///< Of q; 0 is "not this".
};

/// In the order of the header. An item with a malformed q counts as not wanted.
std::vector<QualityItem> ParseQualityList(std::string_view header);

/// A media type that an answer may have, and the parameters that are true of it, whether it is sent
/// with them or not.
struct OfferedType {
  std::string_view type;
  std::span<const std::pair<std::string_view, std::string_view>> parameters = {};
};

/// The offered media type that the client likes best; among equals the first. The most specific
/// range that fits a type ("text/csv;header=present" before "text/csv" before "text/*" before
/// "*/*") decides about it. A range with a parameter that is not true of a type does not fit it.
/// Nothing when none is acceptable. An empty header accepts all.
std::optional<std::size_t> ChooseMediaType(std::string_view accept,
                                           std::span<const OfferedType> offered);

}  // namespace granary::net
