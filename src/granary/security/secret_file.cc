#include "granary/security/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace granary::security {
namespace {

constexpr mode_t kOwnersAlone = 0600;

Status FileError(const std::string& path, int why) {
  return {why == ENOSPC || why == EDQUOT ? Code::kDiskFull : Code::kIoError,
          fmt::format("{}: {}", path, std::strerror(why))};
}

}  // namespace

Status WriteSecretFile(io::FileSystem& files, const std::string& path, std::string_view text) {
  const std::string made = path + ".tmp";
  ::unlink(made.c_str());  // What a crash left.
  const int file =
      ::open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kOwnersAlone);
  if (file < 0) return FileError(made, errno);
  errno = 0;
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool kept = written && ::fsync(file) == 0;
  const int why = errno == 0 ? ENOSPC : errno;  // A write that was cut short has none.
  ::close(file);
  if (!kept) {
    ::unlink(made.c_str());
    return FileError(made, why);
  }
  GRANARY_TRY(files.Rename(made, path));
  return files.SyncDirectory(io::ParentPath(path));
}

Status HideFromOthers(const std::string& path) {
  if (::chmod(path.c_str(), kOwnersAlone) == 0) return Status::Ok();
  return FileError(path, errno);
}

}  // namespace granary::security
