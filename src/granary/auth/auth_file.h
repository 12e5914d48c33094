// The SQLite file of users, roles, keys, sessions, signing keys and the audit log:
// DATA_PATH/auth/auth.sqlite.
//
// Shape      docs/formats/auth.md. The tables are made when the file is; `user_version` is the
//            format.
// Promise    WAL journal, synchronous=FULL: what was committed survives a power cut. Folder and file
//            are their owner's alone (0600; 0700 when the folder is made here).
#pragma once

#include <cstdint>
#include <string>

#include "granary/base/status.h"
#include "granary/sqlite/sqlite_db.h"

namespace granary::auth {

inline constexpr std::int64_t kAuthApplicationId = 0x47'52'41'55;  ///< "GRAU"
inline constexpr std::int64_t kAuthFormat = 1;
/// So long a connection waits for another program's.
inline constexpr std::int64_t kAuthBusyMs = 5'000;

/// "<folder>/auth.sqlite"
std::string AuthFilePath(const std::string& folder);

/// Its owner's alone when it is made; one that is there stays as it is.
Status MakeAuthFolder(const std::string& folder);

/// Makes folder and file when they are not there. kConflict when the file is not ours or of a newer
/// format, which leaves it as it is, kCorruption when its pages do not hold together, kIoError.
Result<SqliteDb> OpenAuthFile(const std::string& folder, std::int64_t busy_ms = kAuthBusyMs);

/// One more connection to a file that OpenAuthFile has opened.
Result<SqliteDb> ConnectAuthFile(const std::string& folder, std::int64_t busy_ms = kAuthBusyMs);

}  // namespace granary::auth
