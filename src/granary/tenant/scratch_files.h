// ScratchFiles: a file system of some files in memory that are gone with it, for segments that
// nobody keeps.
//
// Threads    one.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "granary/io/file_system.h"

namespace granary {

class ScratchFiles final : public io::FileSystem {
 public:
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
  /// Nothing is shared: kUnsupported.
  Result<std::unique_ptr<io::FileLock>> Lock(const std::string& path) override;
  Result<std::string> Resolve(const std::string& path) override { return path; }

 private:
  std::map<std::string, std::shared_ptr<std::string>> files_;
};

}  // namespace granary
