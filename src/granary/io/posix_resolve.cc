#include "granary/io/posix_resolve.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "granary/io/posix_error.h"

namespace granary::io {
namespace {

namespace fs = std::filesystem;

struct Existing {
  fs::path head;  // Links resolved.
  fs::path tail;  // What does not exist below it.
};

// The links of an existing path resolved; nothing when it does not exist.
Result<std::optional<fs::path>> RealPath(const fs::path& path) {
  using Found = std::optional<fs::path>;
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  if (real != nullptr) return Found(real.get());
  if (errno != ENOENT) return PosixError("resolve", path.native(), errno);
  struct ::stat info {};
  if (::lstat(path.c_str(), &info) == 0) {
    return Status(Code::kInvalidPath, fmt::format("{} is a link to nowhere", path.native()));
  }
  return Found();
}

Result<Existing> Split(const fs::path& absolute) {
  Existing split{absolute, {}};
  for (;;) {
    GRANARY_ASSIGN(const std::optional<fs::path> real, RealPath(split.head));
    if (real.has_value()) return Existing{*real, split.tail};
    const fs::path name = split.head.filename();
    split.tail = split.tail.empty() ? name : name / split.tail;
    split.head = split.head.parent_path();
  }
}

}  // namespace

Result<std::string> ResolvePosixPath(const std::string& path) {
  if (path.empty()) return Status(Code::kInvalidPath, "the path is empty");
  if (path.find('\0') != std::string::npos) {
    return Status(Code::kInvalidPath, "the path contains a NUL byte");
  }
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  if (error) return PosixError("resolve", path, error.value());
  GRANARY_ASSIGN(const Existing split, Split(absolute));
  if (split.tail.empty()) return split.head.native();

  fs::path joined = (split.head / split.tail).lexically_normal();
  if (!joined.has_filename()) joined = joined.parent_path();  // A trailing slash.
  // ".." in the missing part may have led back to parts that exist, and those may be links. The
  // joined path has no ".." any more, so the second round is the last.
  for (const fs::path& part : split.tail) {
    if (part == "..") return ResolvePosixPath(joined.native());
  }
  return joined.native();
}

}  // namespace granary::io
