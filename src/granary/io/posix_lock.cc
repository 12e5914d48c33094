#include "granary/io/posix_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>

#include "granary/io/posix_descriptor.h"
#include "granary/io/posix_error.h"

namespace granary::io {
namespace {

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(PosixDescriptor file) : file_(std::move(file)) {}
  // Emptied first: nobody shall read our pid out of a lock that we no longer hold.
  ~PosixLock() override { [[maybe_unused]] const int ignored = ::ftruncate(file_.get(), 0); }

 private:
  PosixDescriptor file_;
};

bool TryLock(int fd) {
  struct ::flock claim {};
  claim.l_type = F_WRLCK;
  claim.l_whence = SEEK_SET;
  return Retrying([&] { return ::fcntl(fd, F_OFD_SETLK, &claim); }) == 0;
}

// The pid in the file; 0 when its holder has not written it yet.
long HolderPid(int fd) {
  char text[32] = {};
  const ssize_t n = Retrying([&] { return ::pread(fd, text, sizeof(text), 0); });
  long pid = 0;
  if (n > 0) std::from_chars(text, text + n, pid);
  return pid;
}

Status Held(const std::string& path, long pid) {
  if (pid == 0) return {Code::kConflict, fmt::format("{} is locked by another process", path)};
  return {Code::kConflict, fmt::format("{} is locked by process {}{}", path, pid,
                                       pid == ::getpid() ? ", which is this one" : "")};
}

Status WritePid(int fd, const std::string& path) {
  const std::string text = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) != 0) return PosixError("truncate", path, errno);
  const ssize_t n = Retrying([&] { return ::pwrite(fd, text.data(), text.size(), 0); });
  if (n < 0) return PosixError("write", path, errno);
  return Status::Ok();
}

}  // namespace

Result<std::unique_ptr<FileLock>> LockPosixFile(const std::string& path) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  PosixDescriptor file(Retrying([&] { return ::open(path.c_str(), kFlags, 0640); }));
  if (!file.ok()) return PosixError("lock", path, errno);
  if (!TryLock(file.get())) {
    if (errno != EAGAIN && errno != EACCES) return PosixError("lock", path, errno);
    return Held(path, HolderPid(file.get()));
  }
  GRANARY_TRY(WritePid(file.get(), path));
  return std::unique_ptr<FileLock>(std::make_unique<PosixLock>(std::move(file)));
}

}  // namespace granary::io
