// Absolute paths of posix_file_system.h.
#pragma once

#include <string>

#include "granary/base/status.h"

namespace granary::io {

/// FileSystem::Resolve. kInvalidPath for an empty path, one with a NUL byte, or one that goes
/// through a link to nowhere (whoever creates its target later would decide where we write).
Result<std::string> ResolvePosixPath(const std::string& path);

}  // namespace granary::io
