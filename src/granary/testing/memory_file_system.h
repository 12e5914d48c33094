// A FileSystem in memory that knows what a power cut would keep.
//
// Promise    strict where real disks are lenient: what is written but not synced may go; a file
//            whose directory was not synced loses its name, however often the file itself was
//            synced; and a name that was synced may stand for a file whose bytes were not.
// Use        run the code; drop its objects (a killed process) or not; PowerCut(); run recovery on
//            the same FileSystem. After a cut, files and locks from before it only fail.
// Paths      are taken relative to "/"; ".." is resolved as text; there are no links.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "granary/io/clock.h"
#include "granary/io/file_system.h"
#include "granary/testing/memory_tree.h"

namespace granary::testing {

class MemoryFileSystem final : public io::FileSystem {
 public:
  /// `clock` stamps changes; without one, everything was modified at 0. It must outlive this.
  explicit MemoryFileSystem(const io::Clock* clock = nullptr);
  ~MemoryFileSystem() override;

  /// Drops everything that was not synced.
  void PowerCut();
  /// Keeps a random part of what was not synced: entries of directories, whole writes, torn writes.
  void PowerCut(std::uint64_t seed);

  /// Writes beyond this many bytes in all files fail with kDiskFull, after the part that fits.
  void SetCapacity(std::uint64_t bytes);
  /// Bit rot: flips the bits of `mask` in a byte on the disk. kNotFound when there is no such byte.
  Status FlipBits(const std::string& path, std::uint64_t offset, std::uint8_t mask);

  Result<std::unique_ptr<io::RandomAccessFile>> OpenForRead(const std::string& path) override;
  Result<std::unique_ptr<io::WritableFile>> OpenForWrite(const std::string& path,
                                                         io::OpenMode mode) override;
  Result<std::vector<io::DirectoryEntry>> List(const std::string& directory) override;
  Result<bool> Exists(const std::string& path) override;
  Status CreateDirectories(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status SyncDirectory(const std::string& directory) override;
  Result<std::uint64_t> AvailableBytes(const std::string& path) override;
  Result<std::unique_ptr<io::FileLock>> Lock(const std::string& path) override;
  Result<std::string> Resolve(const std::string& path) override;

 private:
  class Reader;
  class Writer;
  class Held;
  struct State;

  std::shared_ptr<State> state_;  // Open files share it, so that they may be closed late.
};

}  // namespace granary::testing
