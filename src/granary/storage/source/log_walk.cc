#include "granary/storage/source/log_walk.h"

#include <algorithm>
#include <utility>

#include "granary/storage/wal/wal_files.h"
#include "granary/storage/wal/wal_replay.h"

namespace granary::storage {

Result<std::vector<LogFile>> ListLog(io::FileSystem& files, const std::string& lane_directory) {
  GRANARY_ASSIGN(const auto entries, files.List(lane_directory));
  std::vector<LogFile> found;
  for (const io::DirectoryEntry& entry : entries) {
    if (const auto number = ParseWalFileName(entry.name))
      found.push_back({*number, io::JoinPath(lane_directory, entry.name)});
  }
  std::sort(found.begin(), found.end(),
            [](const LogFile& a, const LogFile& b) { return a.number < b.number; });
  return found;
}

Status WalkLog(io::FileSystem& files, const std::vector<LogFile>& log, const OnLogFrame& on_frame,
               const OnLogFile& on_file) {
  WalFileHeaders headers;
  for (const LogFile& file : log) CollectHeader(files, file.path, file.number, headers);
  for (const LogFile& file : log) {
    GRANARY_ASSIGN(const auto reader,
                   WalReader::Open(files, file.path, file.number, SyncedEnd(headers, file.number)));
    WalFrame frame;
    for (;;) {
      GRANARY_ASSIGN(const bool more, reader->Next(frame));
      if (!more) break;
      on_frame(frame, {file.number, reader->frame_offset()});
    }
    on_file(*reader, file);
  }
  return Status::Ok();
}

}  // namespace granary::storage
