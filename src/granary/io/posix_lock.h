// Lock files of posix_file_system.h.
#pragma once

#include <memory>
#include <string>

#include "granary/io/file_system.h"

namespace granary::io {

/// FileSystem::Lock. The file stays after the lock is gone, emptied; removing it would let two
/// processes hold locks on two files of one name.
Result<std::unique_ptr<FileLock>> LockPosixFile(const std::string& path);

}  // namespace granary::io
