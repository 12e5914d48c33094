// DumpWal prints log files for people: headers, frames, damage and how each file ends. Read-only,
// and prints what it can of damaged files.
#pragma once

#include <optional>
#include <string>

#include "granary/base/status.h"
#include "granary/io/file_system.h"

namespace granary::storage {

/// `path` is a log file, or a folder, whose lanes and files are all printed. `source` leaves only
/// the frames of that source. kNotFound, kIoError; damage is printed, not returned.
Status DumpWal(io::FileSystem& files, const std::string& path,
               const std::optional<std::string>& source, std::string& out);

}  // namespace granary::storage
