#include "granary/services/tenant_node/machine_memory.h"

#include <gtest/gtest.h>

#include <map>

namespace granary::services {
namespace {

MachineMemory Read(const std::map<std::string, std::string>& files) {
  return ReadMachineMemory([&](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  });
}

const std::string kMeminfo = "MemTotal:        8388608 kB\nMemFree:  1 kB\n";
constexpr std::uint64_t kGigabyte = 1u << 30;

TEST(MachineMemoryTest, IsTheMachinesWhereNoGroupSaysLess) {
  EXPECT_EQ(Read({{"/proc/meminfo", kMeminfo}}).bytes, 8 * kGigabyte);
  const MachineMemory memory = Read({{"/proc/meminfo", kMeminfo},
                                     {"/proc/self/cgroup", "0::/\n"},
                                     {"/sys/fs/cgroup/memory.max", "max\n"}});
  EXPECT_EQ(memory.bytes, 8 * kGigabyte);
  EXPECT_EQ(memory.of, "the machine");
}

TEST(MachineMemoryTest, IsTheLowestLimitOfTheGroupsUpToTheTop) {
  const MachineMemory memory = Read({{"/proc/meminfo", kMeminfo},
                                     {"/proc/self/cgroup", "0::/pods/one\n"},
                                     {"/sys/fs/cgroup/pods/one/memory.max", "max\n"},
                                     {"/sys/fs/cgroup/pods/memory.max", "1073741824\n"}});
  EXPECT_EQ(memory.bytes, kGigabyte);
  EXPECT_EQ(memory.of, "the control group");
}

TEST(MachineMemoryTest, ReadsTheFirstVersionOfGroups) {
  const MachineMemory memory =
      Read({{"/proc/meminfo", kMeminfo},
            {"/proc/self/cgroup", "9:memory:/docker/a\n3:cpu:/docker/a\n"},
            {"/sys/fs/cgroup/memory/docker/a/memory.limit_in_bytes", "2147483648\n"},
            {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}});
  EXPECT_EQ(memory.bytes, 2 * kGigabyte);
}

TEST(MachineMemoryTest, IsUnknownWithoutAKernelThatTells) {
  EXPECT_EQ(Read({}).bytes, 0u);
  EXPECT_EQ(Read({{"/proc/meminfo", "nonsense"}}).bytes, 0u);
}

}  // namespace
}  // namespace granary::services
