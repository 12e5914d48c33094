// The web console as files, built into the program: what console/ is bundled to by the build.
//
// Threads    constants.
#pragma once

#include <span>
#include <string_view>

namespace granary::services {

struct ConsoleFile {
  std::string_view path;  ///< "/assets/index-Bx3k.js"; "/" is the page itself.
  std::string_view content_type;
  std::string_view hash;   ///< Of `plain`: the same for the same bytes.
  bool immutable = false;  ///< Its path names its content, so it never changes.
  std::string_view plain;
  std::string_view gzip, brotli;  ///< Empty where they would save nothing.
};

std::span<const ConsoleFile> ConsoleFiles();

}  // namespace granary::services
