// The machine's files.
//
// Promise    interrupted calls are repeated, short reads and writes carried on.
// Files      are made with mode 0640, directories with 0750, descriptors close on exec. What is
//            opened for writing is never a symbolic link, so that a planted link cannot redirect us
//            (a link in the folders above it is followed).
// Locks      are the kernel's open-file-description locks: gone with the process, whatever
//            kills it, and refused to a second holder inside the same process too.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "granary/io/file_system.h"

namespace granary::io {

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<RandomAccessFile>> OpenForRead(const std::string& path) override;
  Result<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path,
                                                     OpenMode mode) override;
  Result<std::vector<DirectoryEntry>> List(const std::string& directory) override;
  Result<bool> Exists(const std::string& path) override;
  Status CreateDirectories(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status SyncDirectory(const std::string& directory) override;
  Result<std::uint64_t> AvailableBytes(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  Result<std::string> Resolve(const std::string& path) override;
};

}  // namespace granary::io
