#include "granary/hosting/process_stats.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace granary::hosting {
namespace {

std::uint64_t CountEntries(const char* directory) {
  std::error_code error;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error))
    ++count;
  return count;
}

}  // namespace

std::uint64_t ReadResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages = 0, resident = 0;
  if (!(statm >> pages >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

ProcessStats ReadProcessStats() {
  ProcessStats out;
  out.resident_bytes = ReadResidentBytes();
  out.open_descriptors = CountEntries("/proc/self/fd");
  out.threads = CountEntries("/proc/self/task");
  return out;
}

void RaiseDescriptorLimit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace granary::hosting
