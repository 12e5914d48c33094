#include "granary/runtime/thread_wait.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace granary::runtime {

int OwnThreadNumber() { return static_cast<int>(::syscall(SYS_gettid)); }

// "nanoseconds on a CPU, nanoseconds in a queue for one, times on a CPU"
std::optional<std::int64_t> CpuWaitOf(int thread_number) {
  const std::string path = fmt::format("/proc/self/task/{}/schedstat", thread_number);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  char bytes[96];
  const ::ssize_t count = ::read(file, bytes, sizeof(bytes));
  ::close(file);
  if (count <= 0) return std::nullopt;
  std::string_view text(bytes, static_cast<std::size_t>(count));
  text.remove_prefix(std::min(text.find(' ') + 1, text.size()));
  std::int64_t waited_ns = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), waited_ns);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return waited_ns;
}

}  // namespace granary::runtime
