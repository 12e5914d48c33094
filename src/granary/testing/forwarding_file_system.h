// ForwardingFileSystem: hands every call on to another file system. A test overrides single calls, or
// gives it away where the other one outlives its owner.
//
// Threads    as the other one.
// Owns       nothing: `files` outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/io/file_system.h"

namespace granary::testing {

class ForwardingFileSystem : public io::FileSystem {
 public:
  explicit ForwardingFileSystem(io::FileSystem& files) : files_(files) {}

  Result<std::unique_ptr<io::RandomAccessFile>> OpenForRead(const std::string& path) override {
    return files_.OpenForRead(path);
  }
  Result<std::unique_ptr<io::WritableFile>> OpenForWrite(const std::string& path,
                                                         io::OpenMode mode) override {
    return files_.OpenForWrite(path, mode);
  }
  Result<std::vector<io::DirectoryEntry>> List(const std::string& d) override {
    return files_.List(d);
  }
  Result<bool> Exists(const std::string& path) override { return files_.Exists(path); }
  Status CreateDirectories(const std::string& path) override {
    return files_.CreateDirectories(path);
  }
  Status Rename(const std::string& from, const std::string& to) override {
    return files_.Rename(from, to);
  }
  Status Remove(const std::string& path) override { return files_.Remove(path); }
  Status SyncDirectory(const std::string& d) override { return files_.SyncDirectory(d); }
  Result<std::uint64_t> AvailableBytes(const std::string& p) override {
    return files_.AvailableBytes(p);
  }
  Result<std::unique_ptr<io::FileLock>> Lock(const std::string& p) override {
    return files_.Lock(p);
  }
  Result<std::string> Resolve(const std::string& path) override { return files_.Resolve(path); }

 private:
  io::FileSystem& files_;
};

}  // namespace granary::testing
