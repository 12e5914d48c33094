// AppendFormat(text, "{} of {}", a, b): fmt::format onto the end of a string.
//
// Why        fmt::format_to compiles the whole of fmt's formatter into every file that calls it,
//            3 seconds each with gcc 12; here it is compiled once.
// Threads    pure but for `text`.
#pragma once

#include <fmt/core.h>

#include <string>

namespace granary {

void AppendFormatted(std::string& text, fmt::string_view format, fmt::format_args arguments);

template <typename... Args>
void AppendFormat(std::string& text, fmt::format_string<Args...> format, Args&&... arguments) {
  AppendFormatted(text, format, fmt::make_format_args(arguments...));
}

}  // namespace granary
