#include "granary/io/posix_error.h"

#include <fmt/format.h>

#include <cstring>

namespace granary::io {
namespace {

Code CodeOf(int error) {
  switch (error) {
    case ENOENT: return Code::kNotFound;
    case EEXIST: return Code::kConflict;
    case ENOSPC:
    case EDQUOT: return Code::kDiskFull;
    default: return Code::kIoError;
  }
}

}  // namespace

Status PosixError(std::string_view operation, std::string_view path, int error) {
  const char* name = ::strerrorname_np(error);
  const char* description = ::strerrordesc_np(error);
  return {CodeOf(error), fmt::format("{} {}: {} ({})", operation, path,
                                     name != nullptr ? name : std::to_string(error).c_str(),
                                     description != nullptr ? description : "unknown error")};
}

}  // namespace granary::io
