// SpillSpace: a folder for what outgrows memory for a while, and the files in it.
//
// Promise    a file has no name from the moment it is open, so its space is free again once it is
//            closed, however the process ends. What a crash between the two leaves is swept at the
//            next start. Every piece is read back under a CRC-32C.
// Limit      all files together take at most SpillOptions::max_bytes, and leave keep_free_bytes of
//            the disk to whoever writes: past either kDiskFull, which names the setting, and the
//            file holds what it held.
// Errors     kDiskFull and kIoError of the file system; kCorruption for a piece that reads
//            otherwise than it was written.
// Threads    fully safe. The file system outlives the space, the space its files.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/io/file_system.h"

namespace granary::runtime {

/// A piece of a spill file.
struct SpillExtent {
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
  std::uint32_t checksum = 0;
};

struct SpillOptions {
  static constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
  std::uint64_t max_bytes = kNoLimit;  ///< SPILL_MAX_MB.
  /// What must stay free on the disk; looked at every kLookAtDiskBytes.
  std::uint64_t keep_free_bytes = 0;
};

class SpillFile;

class SpillSpace {
 public:
  /// Written between two looks at what is free on the disk.
  static constexpr std::uint64_t kLookAtDiskBytes = 16u << 20;

  /// `folder` is made with the first file.
  SpillSpace(io::FileSystem& files, std::string folder, SpillOptions options = {});

  /// Removes what an earlier process left in the folder. Before the first file.
  Status Sweep();
  Result<std::unique_ptr<SpillFile>> NewFile();

  std::uint64_t bytes() const { return bytes_.load(); }              ///< On disk now.
  std::uint64_t bytes_total() const { return bytes_total_.load(); }  ///< Ever written.
  std::uint64_t files_total() const { return next_.load(); }

 private:
  friend class SpillFile;
  /// Makes room for a piece that is about to be written, or kDiskFull.
  Status Take(std::uint64_t bytes);
  void GiveBack(std::uint64_t bytes) { bytes_.fetch_sub(bytes); }
  Status LookAtDisk(std::uint64_t bytes);

  io::FileSystem& files_;
  const std::string folder_;
  const SpillOptions options_;
  std::atomic<std::uint64_t> unlooked_ = kLookAtDiskBytes;  ///< Taken since the last look.
  std::atomic<std::uint64_t> next_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::atomic<std::uint64_t> bytes_total_ = 0;
};

class SpillFile {
 public:
  SpillFile(SpillSpace& space, std::string path, std::unique_ptr<io::WritableFile> writer,
            std::unique_ptr<io::RandomAccessFile> reader);
  ~SpillFile();

  /// At most 4 GiB at a time.
  Result<SpillExtent> Append(std::string_view bytes);
  /// Replaces what `out` holds.
  Status Read(const SpillExtent& extent, std::string& out) const;
  std::uint64_t bytes() const { return bytes_.load(); }

 private:
  SpillSpace& space_;
  const std::string path_;  ///< For messages.
  std::mutex mutex_;        ///< Of the writer, which takes one user at a time.
  std::unique_ptr<io::WritableFile> writer_;
  std::unique_ptr<io::RandomAccessFile> reader_;
  std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace granary::runtime
