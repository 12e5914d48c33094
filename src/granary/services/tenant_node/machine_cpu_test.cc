#include "granary/services/tenant_node/machine_cpu.h"

#include <gtest/gtest.h>

#include <map>

#include "granary/testing/fake_clock.h"

namespace granary::services {
namespace {

class MachineCpuTest : public ::testing::Test {
 protected:
  MachineCpu Make(std::vector<int> cpus = {0, 1}) {
    return MachineCpu({[this](const std::string& path) -> std::optional<std::string> {
                         const auto found = files_.find(path);
                         if (found == files_.end()) return std::nullopt;
                         return found->second;
                       },
                       std::move(cpus), [this] { return own_ns_; }, clock_});
  }

  testing::FakeClock clock_;
  std::int64_t own_ns_ = 0;
  std::map<std::string, std::string> files_{
      {"/proc/stat",
       "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 0 0 100 0 0 0 0 0 0\n"
       "cpu1 100 0 0 100 0 0 0 0 0 0\ncpu2 100 0 0 100 0 0 0 0 0 0\nintr 5\n"}};
};

TEST_F(MachineCpuTest, CountsTheCpusItMayUseWhoeverUsesThem) {
  MachineCpu cpu = Make();
  EXPECT_EQ(cpu.cpus(), 2u);
  clock_.AdvanceMicros(1'000'000);
  files_["/proc/stat"] =
      "cpu  1 1 1 1 1 1 1 1 0 0\ncpu0 150 10 5 120 10 1 2 2 0 0\n"
      "cpu1 100 0 0 200 0 0 0 0 0 0\ncpu2 200 0 0 100 0 0 0 0 0 0\n";
  EXPECT_DOUBLE_EQ(cpu.BusyPercent(), 35);  // 70 of 200 ticks; cpu2 is not ours.
  clock_.AdvanceMicros(1'000'000);
  EXPECT_DOUBLE_EQ(cpu.BusyPercent(), 0);
}

TEST_F(MachineCpuTest, OfAControlGroupsTimeCountsWhatTheProcessUsed) {
  files_["/proc/self/cgroup"] = "0::/a/b\n";
  files_["/sys/fs/cgroup/a/b/cpu.max"] = "max 100000\n";
  files_["/sys/fs/cgroup/a/cpu.max"] = "50000 100000\n";
  MachineCpu cpu = Make();
  EXPECT_EQ(cpu.cpus(), 1u);
  clock_.AdvanceMicros(1'000'000);
  own_ns_ += 400'000'000;
  EXPECT_DOUBLE_EQ(cpu.BusyPercent(), 80);
}

TEST_F(MachineCpuTest, KnowsTheOlderControlGroupsToo) {
  files_["/proc/self/cgroup"] = "5:cpuset:/x\n4:cpu,cpuacct:/y\n";
  files_["/sys/fs/cgroup/cpu/y/cpu.cfs_quota_us"] = "150000\n";
  files_["/sys/fs/cgroup/cpu/y/cpu.cfs_period_us"] = "100000\n";
  files_["/sys/fs/cgroup/cpu/cpu.cfs_quota_us"] = "-1\n";
  files_["/sys/fs/cgroup/cpu/cpu.cfs_period_us"] = "100000\n";
  EXPECT_EQ(Make({0, 1, 2, 3}).cpus(), 2u);
}

TEST_F(MachineCpuTest, WhatTheKernelDoesNotSayIsWhatTheProcessUsed) {
  files_.clear();
  MachineCpu cpu = Make();
  clock_.AdvanceMicros(1'000'000);
  own_ns_ += 500'000'000;
  EXPECT_DOUBLE_EQ(cpu.BusyPercent(), 25);
  EXPECT_DOUBLE_EQ(cpu.BusyPercent(), 0) << "no time has passed";
  files_["/proc/stat"] = "cpu0 what is\ncpu";
  EXPECT_DOUBLE_EQ(cpu.BusyPercent(), 0);
}

TEST_F(MachineCpuTest, ReadsThisMachine) {
  MachineCpu cpu{clock_};
  EXPECT_GE(cpu.cpus(), 1u);
  const double busy = cpu.BusyPercent();
  EXPECT_GE(busy, 0);
  EXPECT_LE(busy, 100);
}

}  // namespace
}  // namespace granary::services
