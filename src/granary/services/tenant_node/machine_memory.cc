#include "granary/services/tenant_node/machine_memory.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace granary::services {
namespace {

std::optional<std::uint64_t> Number(std::string_view text) {
  const auto first = text.find_first_of("0123456789");
  if (first == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + first, text.data() + text.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

/// The rest of the line that begins with `head`.
std::optional<std::string_view> LineAfter(std::string_view text, std::string_view head) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (text.substr(0, end).starts_with(head)) return text.substr(head.size(), end - head.size());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::nullopt;
}

/// "9:memory:/path" -> "/path".
std::optional<std::string_view> MemoryPathOfV1(std::string_view groups) {
  const std::string_view head = ":memory:";
  const auto at = groups.find(head);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = groups.substr(at + head.size());
  return rest.substr(0, rest.find('\n'));
}

/// Every group from the process' own up to the top: each may have a limit, "max" being none.
void LowerToGroups(const ReadKernelFn& read, const std::string& mount, std::string path,
                   const std::string& file, MachineMemory& memory) {
  while (true) {
    if (path == "/") path.clear();
    if (const auto text = read(mount + path + "/" + file)) {
      const auto limit = Number(*text);
      if (limit && *limit < memory.bytes) memory = {*limit, "the control group"};
    }
    if (path.empty()) return;
    path.resize(path.rfind('/'));
  }
}

}  // namespace

MachineMemory ReadMachineMemory(const ReadKernelFn& read) {
  MachineMemory memory;
  const auto meminfo = read("/proc/meminfo");
  const auto total = meminfo ? LineAfter(*meminfo, "MemTotal:") : std::nullopt;
  const auto kilobytes = total ? Number(*total) : std::nullopt;
  if (!kilobytes) return memory;
  memory = {*kilobytes << 10, "the machine"};
  const auto groups = read("/proc/self/cgroup");
  if (!groups) return memory;
  if (const auto path = LineAfter(*groups, "0::"); path && path->starts_with('/'))
    LowerToGroups(read, "/sys/fs/cgroup", std::string(*path), "memory.max", memory);
  if (const auto path = MemoryPathOfV1(*groups); path && path->starts_with('/'))
    LowerToGroups(read, "/sys/fs/cgroup/memory", std::string(*path), "memory.limit_in_bytes",
                  memory);
  return memory;
}

MachineMemory ReadMachineMemory() {
  return ReadMachineMemory([](const std::string& path) -> std::optional<std::string> {
    std::ifstream file(path);
    if (!file) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  });
}

}  // namespace granary::services
