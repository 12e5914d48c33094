// GRANARY_CHECK: a broken invariant of ours stops the process, in every build, and prints values.
// Input from users, the network or the disk never reaches one; that is a Status.
#pragma once

#include <fmt/format.h>

#include <string>

namespace granary {

/// Prints the failure with its place to stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* expression,
                              const std::string& detail);

}  // namespace granary

/// GRANARY_CHECK(a <= b) or GRANARY_CHECK(a <= b, "a={} b={}", a, b).
#define GRANARY_CHECK(expression, ...)                                                        \
  do {                                                                                        \
    if (!(expression)) [[unlikely]]                                                           \
      ::granary::CheckFailed(__FILE__, __LINE__, #expression, ::fmt::format("" __VA_ARGS__)); \
  } while (false)
