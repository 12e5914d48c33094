#include "granary/io/posix_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "granary/io/posix_error.h"

namespace granary::io {
namespace {

constexpr std::size_t kZeroPieceBytes = 256u << 10;

}  // namespace

Result<std::size_t> PosixRandomAccessFile::ReadAt(std::uint64_t offset, std::span<char> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const auto at = static_cast<off_t>(offset + done);
    const ssize_t n =
        Retrying([&] { return ::pread(file_.get(), out.data() + done, out.size() - done, at); });
    if (n < 0) return PosixError("read", path_, errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Status PosixWritableFile::WriteAt(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto at = static_cast<off_t>(offset);
    const ssize_t n =
        Retrying([&] { return ::pwrite(file_.get(), bytes.data(), bytes.size(), at); });
    if (n < 0) return PosixError("write", path_, errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return Status::Ok();
}

// fdatasync also writes the length when it changed, which is all of the inode that reading needs.
Status PosixWritableFile::Sync() {
  if (Retrying([&] { return ::fdatasync(file_.get()); }) != 0) {
    return PosixError("sync", path_, errno);
  }
  return Status::Ok();
}

Status PosixWritableFile::Preallocate(std::uint64_t bytes) {
  if (bytes == 0) return Status::Ok();
  const auto length = static_cast<off_t>(bytes);
  if (Retrying([&] { return ::fallocate(file_.get(), 0, 0, length); }) == 0) return Status::Ok();
  if (errno == EOPNOTSUPP) return WriteZeroesUpTo(bytes);
  return PosixError("preallocate", path_, errno);
}

Status PosixWritableFile::WriteZeroesUpTo(std::uint64_t bytes) {
  struct ::stat info {};
  if (::fstat(file_.get(), &info) != 0) return PosixError("stat", path_, errno);
  const std::string zeroes(kZeroPieceBytes, '\0');
  for (auto at = static_cast<std::uint64_t>(info.st_size); at < bytes;) {
    const std::uint64_t piece = std::min<std::uint64_t>(zeroes.size(), bytes - at);
    GRANARY_TRY(WriteAt(at, std::string_view(zeroes).substr(0, piece)));
    at += piece;
  }
  return Status::Ok();
}

Status PosixWritableFile::Truncate(std::uint64_t bytes) {
  const auto length = static_cast<off_t>(bytes);
  if (Retrying([&] { return ::ftruncate(file_.get(), length); }) != 0) {
    return PosixError("truncate", path_, errno);
  }
  return Status::Ok();
}

// Linux closes the descriptor even when close() reports an interruption, so it is never repeated.
Status PosixWritableFile::Close() {
  if (!file_.ok()) return Status::Ok();
  if (::close(file_.Release()) != 0 && errno != EINTR) return PosixError("close", path_, errno);
  return Status::Ok();
}

}  // namespace granary::io
