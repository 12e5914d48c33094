// FolderCheck: whether everything in a data folder is what was written to it: the manifests row by
// row, each live segment's footer and columns, its indexes block by block, each frame of the logs.
//
// Promise    takes the folder's lock, so that no node starts meanwhile, and lets SQLite finish a
//            commit that a crash left in its log. Nothing else is written: sweeping and replay are
//            left to the next start.
// Errors     kNotFound for a folder that is no data folder; kConflict for one that a node serves,
//            or of a newer format. Damage is no error: it is what the report is for.
// Cost       reads every byte that counts, once; a row group at a time in memory.
// Threads    one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/io/file_system.h"

namespace granary::storage {

struct FolderReport {
  std::uint64_t tenants = 0;
  std::uint64_t sources = 0;
  std::uint64_t segments = 0;
  std::uint64_t retired = 0;  ///< Of them: replaced by a compaction, kept for older snapshots.
  std::uint64_t segment_bytes = 0;
  std::uint64_t segment_rows = 0;
  std::uint64_t deleted_rows = 0;  ///< Of those.
  std::uint64_t indexes = 0;
  std::uint64_t log_files = 0;
  std::uint64_t frames = 0;
  std::uint64_t unflushed_records = 0;  ///< In the logs and in no segment.
  std::vector<std::string> damage;      ///< One line each, naming the file.
  std::vector<std::string> notes;       ///< Nothing wrong: unfinished files, sources to remove.
};

/// `progress` is told what is looked at, and how many bytes of segments are done of how many.
using CheckProgress = std::function<void(const std::string& what, std::uint64_t bytes_done,
                                         std::uint64_t bytes_total)>;

Result<FolderReport> CheckDataFolder(io::FileSystem& files, const std::string& root,
                                     const CheckProgress& progress);

}  // namespace granary::storage
