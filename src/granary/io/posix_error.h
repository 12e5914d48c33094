// What a failed system call means, as a Status.
#pragma once

#include <cerrno>
#include <string_view>

#include "granary/base/status.h"

namespace granary::io {

/// kNotFound (ENOENT), kConflict (EEXIST), kDiskFull (ENOSPC, EDQUOT) or else kIoError:
/// "open a/b: EACCES (Permission denied)".
Status PosixError(std::string_view operation, std::string_view path, int error);

/// Makes a system call, and again while a signal interrupts it.
template <typename Call>
auto Retrying(Call call) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

}  // namespace granary::io
