// Files of secrets: nobody but their owner reads them, at no moment of their life.
//
// Threads    fully safe; of two that make one file at once the later one's text stays.
#pragma once

#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/io/file_system.h"

namespace granary::security {

/// Makes the file, or puts another in its place: whole or not at all there, also after a power cut.
/// kIoError, kDiskFull. `files` is the real one.
Status WriteSecretFile(io::FileSystem& files, const std::string& path, std::string_view text);

/// Of a file that an earlier version made readable for its group. kIoError.
Status HideFromOthers(const std::string& path);

}  // namespace granary::security
