// FileSystem: the only way this process touches files (SQLite's own excepted). One real
// implementation (posix_file_system.h) and, for tests, testing/memory_file_system.h, which knows
// what a power cut would keep, and testing/faulty_file_system.h, which fails the n-th call.
//
// Errors     kNotFound, kDiskFull (ENOSPC, EDQUOT), kIoError with errno's name and the path.
// Threads    a FileSystem and a RandomAccessFile are safe from many threads; a WritableFile has one
//            user.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::io {

class RandomAccessFile {
 public:
  virtual ~RandomAccessFile() = default;
  /// Reads up to out.size() bytes at `offset` and returns how many; fewer only at the end of file.
  virtual Result<std::size_t> ReadAt(std::uint64_t offset, std::span<char> out) const = 0;
  virtual std::uint64_t size() const = 0;
};

class WritableFile {
 public:
  virtual ~WritableFile() = default;  ///< Closes without syncing.
  /// Writes all of `bytes` at `offset`. On failure an unknown part of them may be in the file.
  virtual Status WriteAt(std::uint64_t offset, std::string_view bytes) = 0;
  /// Returns once every written byte, and the file's length, survives a power cut.
  virtual Status Sync() = 0;
  /// Reserves `bytes` of zeroes from the start, so that later writes neither grow the file nor fail
  /// for lack of space where the file system supports it.
  virtual Status Preallocate(std::uint64_t bytes) = 0;
  virtual Status Truncate(std::uint64_t bytes) = 0;
  virtual Status Close() = 0;
};

/// An exclusive claim on a path, released on destruction or when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  std::uint64_t bytes = 0;
  std::int64_t modified_us = 0;  ///< Since the Unix epoch.
};

enum class OpenMode : std::uint8_t {
  kCreateNew,  ///< Fails with kConflict when the file exists.
  kTruncate,   ///< Creates or empties.
  kExisting,   ///< Keeps the content; kNotFound when there is none.
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<RandomAccessFile>> OpenForRead(const std::string& path) = 0;
  virtual Result<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path,
                                                             OpenMode mode) = 0;
  /// Entries in byte order of their names; "." and ".." left out; symbolic links are not followed.
  virtual Result<std::vector<DirectoryEntry>> List(const std::string& directory) = 0;
  virtual Result<bool> Exists(const std::string& path) = 0;
  /// Makes the directory and its parents, and syncs each parent that gained an entry.
  virtual Status CreateDirectories(const std::string& path) = 0;
  /// Atomic; the caller syncs the directory.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  /// Removes a file, or an empty directory. kNotFound when it is not there.
  virtual Status Remove(const std::string& path) = 0;
  /// Returns once creations, renames and removals in `directory` survive a power cut.
  virtual Status SyncDirectory(const std::string& directory) = 0;
  virtual Result<std::uint64_t> AvailableBytes(const std::string& path) = 0;
  /// Takes the lock file at `path` and writes our pid into it. kConflict, naming the holder's pid,
  /// when another process (or this one) holds it.
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
  /// The absolute path with links resolved; parts that do not exist yet are kept as they are.
  virtual Result<std::string> Resolve(const std::string& path) = 0;

  // Built on the above.
  Result<std::string> ReadFile(const std::string& path);
  /// Writes `<path>.tmp`, syncs, renames and syncs the directory: after OK, or a crash, the file
  /// has the old content or the new, whole.
  Status ReplaceFile(const std::string& path, std::string_view bytes);
  /// Removes a directory and all below it; OK when it is not there.
  Status RemoveTree(const std::string& path);
};

/// "a" and "b" -> "a/b"; an absolute `b` is a bug.
std::string JoinPath(std::string_view a, std::string_view b);
/// The directory part: "a/b" -> "a", "a" -> ".".
std::string ParentPath(std::string_view path);

}  // namespace granary::io
