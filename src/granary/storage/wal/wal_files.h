// WalFiles: the folder of one lane: which files are there, what they are called, and how a file
// starts its life: made new, or renamed from a spare.
//
// Shape      <number, at least 6 digits>.wal; numbers only grow. `<number>.spare` is a file whose
//            frames nobody needs, kept to be overwritten: syncing an overwrite is cheaper than
//            growing a file.
// Order      new:    create, reserve, write the header, sync the file, sync the folder.
//            spare:  rename, sync the folder, write the header, sync the file. Until the header is
//            rewritten the frames inside carry another number, so at no step do they count.
// Threads    Start and Retire from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/io/failpoint.h"
#include "granary/io/file_system.h"
#include "granary/storage/wal/wal_format.h"
#include "granary/storage/wal/wal_writer.h"

namespace granary::storage {

inline constexpr std::string_view kSpareSuffix = ".spare";

/// "000007.wal"; a number with more digits gets more.
std::string WalFileName(std::uint64_t number);
/// The number in a name that WalFileName gives; nothing for any other name.
std::optional<std::uint64_t> ParseWalFileName(std::string_view name);

class WalFiles {
 public:
  struct File {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;  ///< Of disk, frames or not.
  };

  /// Makes the folder when it is missing. Names of other forms are left alone.
  static Result<std::unique_ptr<WalFiles>> Open(io::FileSystem& files, std::string directory,
                                                std::uint64_t file_bytes, std::size_t spares_max);

  /// The log files that were there at Open, oldest first.
  const std::vector<File>& found() const { return found_; }
  /// One above every number seen.
  std::uint64_t next_number() const;
  std::string PathOf(std::uint64_t number) const;

  /// Starts file `header.file_number`, which is next_number(). A failure may leave a file without
  /// frames, which the next Open finds and retires.
  Result<std::unique_ptr<WalWriter>> Start(const WalFileHeader& header, io::Failpoints& failpoints);
  /// Takes a file out of the log: a spare while there is room for one, else removed.
  Status Retire(const File& file);
  /// Makes what Retire did survive a power cut.
  Status SyncFolder();

 private:
  WalFiles(io::FileSystem& files, std::string directory, std::uint64_t file_bytes,
           std::size_t spares_max);
  Status Scan();
  Status DropSurplusSpares();
  Result<std::unique_ptr<io::WritableFile>> Create(const std::string& path);
  Result<std::unique_ptr<io::WritableFile>> Recycle(std::uint64_t spare, const std::string& path);
  std::optional<std::uint64_t> TakeSpare();

  io::FileSystem& files_;
  const std::string directory_;
  const std::uint64_t file_bytes_;
  const std::size_t spares_max_;
  std::vector<File> found_;

  mutable std::mutex mutex_;
  std::uint64_t highest_ = 0;
  std::vector<std::uint64_t> spares_;
};

}  // namespace granary::storage
