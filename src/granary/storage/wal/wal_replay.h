// Replay: reads a lane's files, oldest first, when the lane opens.
//
// Order      a file without a known end is synced before its frames are believed for good: a
//            process that was killed may have left them in the page cache only, and what a search
//            has seen must not vanish with the next power cut. Its last group is written again
//            first: after a failed sync the kernel may hold pages as clean that never reached the
//            disk.
// Errors     whatever the callback returns; kIoError; kConflict for a newer format; kCorruption for
//            a file that belongs to another lane. Damage is not an error.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/io/file_system.h"
#include "granary/storage/wal/wal_damage.h"
#include "granary/storage/wal/wal_files.h"
#include "granary/storage/wal/wal_frame.h"
#include "granary/storage/wal/wal_retention.h"

namespace granary::storage {

struct ReplayedLane {
  ClosedWalFiles files;  ///< Those that hold frames (or held them: damage), oldest first.
  std::vector<WalFiles::File> empty;  ///< Those that may be retired at once.
  std::vector<WalDamage> damage;
  std::uint64_t frames = 0;
  std::uint64_t torn_files = 0;  ///< Whose tail was left out.
};

/// `now_us` stands for the time at which the newest file was closed.
Result<ReplayedLane> ReplayLane(io::FileSystem& files, const WalFiles& folder, std::uint32_t lane,
                                const std::function<Status(const WalFrame&)>& replay,
                                std::int64_t now_us);

/// The headers of log files, by file number; those that do not read are left out.
using WalFileHeaders = std::map<std::uint64_t, WalFileHeader>;
/// Adds the header of the file at `path`, if it is whole and of file `number`.
void CollectHeader(io::FileSystem& files, const std::string& path, std::uint64_t number,
                   WalFileHeaders& headers);
/// Where file `number` ends, according to the files that followed it.
std::optional<std::uint64_t> SyncedEnd(const WalFileHeaders& headers, std::uint64_t number);

}  // namespace granary::storage
