#include "granary/base/append_format.h"

#include <fmt/format.h>

#include <iterator>

namespace granary {

void AppendFormatted(std::string& text, fmt::string_view format, fmt::format_args arguments) {
  fmt::vformat_to(std::back_inserter(text), format, arguments);
}

}  // namespace granary
