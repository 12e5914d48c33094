// CommandTree: the program's commands as the manual page and the shells' completions see them. Both
// are made of the very commands that read the command line, so neither can fall behind.
//
// Threads    one.
#pragma once

#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace CLI {
class App;
}

namespace granary::cli {

/// docs/granary.1: a manual page in man(7).
std::string ManualPage(const CLI::App& program);

/// A script that a shell reads: `source <(granary completion bash)`. kInvalidArgument for a shell
/// other than bash and zsh.
Result<std::string> Completion(const CLI::App& program, std::string_view shell);

}  // namespace granary::cli
