// MachineCpu: how busy the CPUs are that this process may use, whoever uses them, and how many they
// are.
//
// Counts     the CPUs of the process' affinity; where a control group allows less time than those
//            have, what the process used of it, if that is more.
// Source     proc(5) for /proc/stat, the kernel's cgroup-v2.rst (cpu.max), cgroup-v1's
//            sched-bwc.rst.
// Threads    one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "granary/io/clock.h"
#include "granary/services/tenant_node/machine_memory.h"

namespace granary::services {

class MachineCpu {
 public:
  /// What it asks; tests answer otherwise.
  struct Sources {
    ReadKernelFn read;
    std::vector<int> cpus;                     ///< Of the affinity.
    std::function<std::int64_t()> own_cpu_ns;  ///< What the process has used since its start.
    const io::Clock& clock;
  };
  explicit MachineCpu(Sources sources);
  /// Of this machine and process.
  explicit MachineCpu(const io::Clock& clock);

  /// CPUs that can be busy at once: those of the affinity, or fewer by a control group; at least 1.
  std::size_t cpus() const;
  /// Of their time since the last call, or the construction.
  double BusyPercent();

 private:
  struct Ticks {
    std::uint64_t busy = 0, all = 0;
  };
  std::optional<Ticks> ReadTicks() const;

  const Sources sources_;
  const std::optional<double> quota_cpus_;
  Ticks before_;
  std::int64_t own_ns_, looked_ns_;
};

}  // namespace granary::services
