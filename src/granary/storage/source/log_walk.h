// Walking over a lane's log as it lies on disk, without opening it for writing.
//
// Threads    const from many.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/io/file_system.h"
#include "granary/storage/wal/wal_reader.h"

namespace granary::storage {

/// A place in a lane: files in order, then bytes.
struct LogPosition {
  std::uint64_t file = 0;
  std::uint64_t offset = 0;
  auto operator<=>(const LogPosition&) const = default;
};

struct LogFile {
  std::uint64_t number = 0;
  std::string path;
};

/// The log files of a lane, in order.
Result<std::vector<LogFile>> ListLog(io::FileSystem& files, const std::string& lane_directory);

using OnLogFrame = std::function<void(const WalFrame& frame, LogPosition at)>;
/// After a file's last frame, so that the reader knows its damage.
using OnLogFile = std::function<void(const WalReader& reader, const LogFile& file)>;

/// Every whole frame of `log`, kEndOfLane included, in order of writing.
Status WalkLog(io::FileSystem& files, const std::vector<LogFile>& log, const OnLogFrame& on_frame,
               const OnLogFile& on_file);

}  // namespace granary::storage
