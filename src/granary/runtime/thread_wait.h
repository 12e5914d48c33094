// How long threads of this process waited for a CPU although they had something to do.
//
// Source     sched-stats.rst of the kernel: /proc/<pid>/task/<tid>/schedstat.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <optional>

namespace granary::runtime {

/// The kernel's number of the calling thread.
int OwnThreadNumber();

/// In nanoseconds, since the thread began; nothing where the kernel does not count, or the thread
/// is no more. A few microseconds to ask.
std::optional<std::int64_t> CpuWaitOf(int thread_number);

}  // namespace granary::runtime
