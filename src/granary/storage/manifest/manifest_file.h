// The manifest's SQLite file: made, recognised, configured and checked when it is opened.
#pragma once

#include <string>

#include "granary/base/status.h"
#include "granary/sqlite/sqlite_db.h"

namespace granary::storage {

/// Opens the file, or makes it with its tables; its log is empty then. kConflict when the file is
/// not ours, of a newer format, or open elsewhere; kCorruption when its pages do not hold together.
Result<SqliteDb> OpenManifestFile(const std::string& path);

}  // namespace granary::storage
