// A FileSystem that fails when told to, and otherwise hands every call on.
//
// Use        run once and read changes(); then for each n up to it, run on fresh files with
//            FailChange({.nth = n}) and check what is left.
// Counts     changes: OpenForWrite, WriteAt, Sync, Preallocate, Truncate, CreateDirectories,
//            Rename, Remove, SyncDirectory. Reads: OpenForRead, ReadAt, List. The rest is never
//            failed.
// Threads    fully safe.
// Owns       nothing: the wrapped file system must outlive this and the files opened through it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "granary/io/file_system.h"

namespace granary::testing {

struct Fault {
  std::uint64_t nth = 1;  ///< 1 is the next call.
  Code code = Code::kIoError;
  bool and_later = false;    ///< Every call from the nth on, as a disk that is gone.
  bool short_write = false;  ///< A failing WriteAt leaves the first half of its bytes in the file.
};

class FaultyFileSystem final : public io::FileSystem {
 public:
  explicit FaultyFileSystem(io::FileSystem& files);
  ~FaultyFileSystem() override;

  void FailChange(Fault fault);  ///< Replaces an earlier one; changes() starts again at 0.
  void FailRead(Fault fault);    ///< Replaces an earlier one; reads() starts again at 0.
  void Heal();                   ///< Nothing fails any more; the counts go on.

  std::uint64_t changes() const;
  std::uint64_t reads() const;
  /// The first call that was failed, "write /data/x", or "" as long as none was.
  std::string failed_call() const;

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
  struct State;

  io::FileSystem& files_;
  std::shared_ptr<State> state_;
};

}  // namespace granary::testing
