#include "granary/io/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "granary/io/posix_descriptor.h"
#include "granary/io/posix_error.h"
#include "granary/io/posix_file.h"
#include "granary/io/posix_lock.h"
#include "granary/io/posix_resolve.h"

namespace granary::io {
namespace {

constexpr mode_t kFileMode = 0640;
constexpr mode_t kDirectoryMode = 0750;

PosixDescriptor Open(const std::string& path, int flags) {
  return PosixDescriptor(
      Retrying([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); }));
}

int WriteFlags(OpenMode mode) {
  switch (mode) {
    case OpenMode::kCreateNew: return O_RDWR | O_NOFOLLOW | O_CREAT | O_EXCL;
    case OpenMode::kTruncate: return O_RDWR | O_NOFOLLOW | O_CREAT | O_TRUNC;
    case OpenMode::kExisting: return O_RDWR | O_NOFOLLOW;
  }
  return O_RDWR | O_NOFOLLOW;
}

DirectoryEntry MakeEntry(const char* name, const struct ::stat& info) {
  DirectoryEntry entry;
  entry.name = name;
  entry.is_directory = S_ISDIR(info.st_mode);
  entry.bytes = entry.is_directory ? 0 : static_cast<std::uint64_t>(info.st_size);
  entry.modified_us = info.st_mtim.tv_sec * 1'000'000 + info.st_mtim.tv_nsec / 1000;
  return entry;
}

bool IsDirectory(const std::string& path) {
  struct ::stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

// Non-blocking, so that opening a pipe that nobody writes to is an error and not a wait.
Result<std::unique_ptr<RandomAccessFile>> PosixFileSystem::OpenForRead(const std::string& path) {
  PosixDescriptor file = Open(path, O_RDONLY | O_NONBLOCK);
  if (!file.ok()) return PosixError("open", path, errno);
  struct ::stat info {};
  if (::fstat(file.get(), &info) != 0) return PosixError("stat", path, errno);
  if (S_ISDIR(info.st_mode)) return PosixError("open", path, EISDIR);
  if (!S_ISREG(info.st_mode)) {
    return Status::IoError(fmt::format("open {}: not a regular file", path));
  }
  return std::unique_ptr<RandomAccessFile>(std::make_unique<PosixRandomAccessFile>(
      std::move(file), path, static_cast<std::uint64_t>(info.st_size)));
}

Result<std::unique_ptr<WritableFile>> PosixFileSystem::OpenForWrite(const std::string& path,
                                                                    OpenMode mode) {
  PosixDescriptor file = Open(path, WriteFlags(mode));
  if (!file.ok()) return PosixError("open", path, errno);
  return std::unique_ptr<WritableFile>(std::make_unique<PosixWritableFile>(std::move(file), path));
}

Result<std::vector<DirectoryEntry>> PosixFileSystem::List(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), &::closedir);
  if (stream == nullptr) return PosixError("list", directory, errno);
  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;
    const ::dirent* next = ::readdir(stream.get());
    if (next == nullptr) break;
    const std::string_view name = next->d_name;
    if (name == "." || name == "..") continue;
    struct ::stat info {};
    if (::fstatat(::dirfd(stream.get()), next->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
      entries.push_back(MakeEntry(next->d_name, info));
    } else if (errno != ENOENT) {  // One that was removed meanwhile is simply not there.
      return PosixError("stat", JoinPath(directory, name), errno);
    }
  }
  if (errno != 0) return PosixError("list", directory, errno);
  std::sort(entries.begin(), entries.end(),
            [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
  return entries;
}

Result<bool> PosixFileSystem::Exists(const std::string& path) {
  struct ::stat info {};
  if (::lstat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return PosixError("stat", path, errno);
}

Status PosixFileSystem::CreateDirectories(const std::string& path) {
  const std::string parent = ParentPath(path);
  if (::mkdir(path.c_str(), kDirectoryMode) == 0) return SyncDirectory(parent);
  if (errno == EEXIST) {
    if (IsDirectory(path)) return Status::Ok();
    return {Code::kConflict, fmt::format("create directory {}: a file of that name exists", path)};
  }
  if (errno != ENOENT || parent == path || parent == ".") {
    return PosixError("create directory", path, errno);
  }
  GRANARY_TRY(CreateDirectories(parent));
  if (::mkdir(path.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
    return PosixError("create directory", path, errno);
  }
  return SyncDirectory(parent);
}

Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return PosixError("rename", fmt::format("{} to {}", from, to), errno);
  }
  return Status::Ok();
}

Status PosixFileSystem::Remove(const std::string& path) {
  if (std::remove(path.c_str()) != 0) return PosixError("remove", path, errno);
  return Status::Ok();
}

// EINVAL: a file system that cannot sync directories; there is nothing more that we could do.
Status PosixFileSystem::SyncDirectory(const std::string& directory) {
  const PosixDescriptor file = Open(directory, O_RDONLY | O_DIRECTORY);
  if (!file.ok()) return PosixError("open", directory, errno);
  if (Retrying([&] { return ::fsync(file.get()); }) != 0 && errno != EINVAL) {
    return PosixError("sync", directory, errno);
  }
  return Status::Ok();
}

Result<std::uint64_t> PosixFileSystem::AvailableBytes(const std::string& path) {
  struct ::statvfs info {};
  if (Retrying([&] { return ::statvfs(path.c_str(), &info); }) != 0) {
    return PosixError("statvfs", path, errno);
  }
  return std::uint64_t{info.f_bavail} * info.f_frsize;
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::Lock(const std::string& path) {
  return LockPosixFile(path);
}

Result<std::string> PosixFileSystem::Resolve(const std::string& path) {
  return ResolvePosixPath(path);
}

}  // namespace granary::io
