// The target of a request line ("/sources/a%20b?keep_data=true") taken apart and decoded.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "granary/base/status.h"

namespace granary::net {

struct RequestTarget {
  std::string path;                                        ///< Decoded; starts with '/'.
  std::vector<std::pair<std::string, std::string>> query;  ///< Decoded, in order; "+" is a space.
};

/// Accepts the origin form and the absolute form ("http://host/path"). kInvalidArgument for bad
/// percent escapes, bytes that are not UTF-8, control characters, a fragment, and for an escaped
/// slash, which would move the borders between path segments.
Result<RequestTarget> ParseTarget(std::string_view target);

/// The target that ParseTarget reads as just this.
std::string FormatTarget(std::string_view path,
                         const std::vector<std::pair<std::string, std::string>>& query);

}  // namespace granary::net
