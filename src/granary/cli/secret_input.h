// Secrets that a command needs: an API key to show, a password to set. Never from the command line,
// which every user of the machine can read.
//
// Threads    one; reads stdin, the environment and the terminal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary::cli {

/// Where a key may be, first of all.
inline constexpr const char* kKeyVariable = "GRANARY_API_KEY";

/// The key in `file` ("-": the first line of stdin), else in GRANARY_API_KEY, else asked for on the
/// terminal. kInvalidArgument says how to give one when there is none of these, or when what was
/// found has a character that no key has.
Result<std::string> ReadApiKey(const std::string& file);

/// The same, without asking: nothing where there is neither a file nor GRANARY_API_KEY, or that is
/// empty.
Result<std::optional<std::string>> FindApiKey(const std::string& file);

/// A new password: asked for twice on a terminal, without showing it; else the first line of stdin.
/// kInvalidArgument when it is empty or the two differ.
Result<std::string> ReadNewPassword(std::string_view whose);

}  // namespace granary::cli
