// What the kernel lets this process use: the machine's memory, or less where a control group says
// so.
//
// Source     proc(5) for /proc/meminfo and /proc/self/cgroup; the kernel's cgroup-v2.rst,
//            cgroup-v1's memory.rst.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "granary/services/tenant_node/config.h"

namespace granary::services {

/// The content of a file below /proc or /sys; nothing when it cannot be read.
using ReadKernelFn = std::function<std::optional<std::string>(const std::string& path)>;

/// The least of the machine's memory and the limits of the process' control group and those above
/// it. Zero bytes where nothing says.
MachineMemory ReadMachineMemory(const ReadKernelFn& read);
MachineMemory ReadMachineMemory();

}  // namespace granary::services
