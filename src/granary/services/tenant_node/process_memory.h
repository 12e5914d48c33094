// ProcessMemory: the root of the memory tree, and a child for what nobody reserves: the program
// itself, buffers of libraries, and what the allocator has not given back yet.
//
// How        that child is set to what the kernel says is resident less what is reserved, ten times
// a
//            second; so what is really used limits what is granted, however rough the estimates
//            are.
// Threads    fully safe. Outlives whoever reserves.
#pragma once

#include <cstdint>
#include <functional>

#include "granary/runtime/memory_budget.h"
#include "granary/runtime/periodic.h"

namespace granary::services {

class ProcessMemory {
 public:
  /// `resident` is asked for the process' resident bytes; 0 when nobody says.
  ProcessMemory(std::uint64_t limit_bytes, std::function<std::uint64_t()> resident);
  ~ProcessMemory();

  runtime::MemoryBudget& all() { return all_; }
  runtime::MemoryBudget& bodies() { return bodies_; }
  const runtime::MemoryBudget& all() const { return all_; }
  const runtime::MemoryBudget& bodies() const { return bodies_; }
  const runtime::MemoryBudget& others() const { return others_; }

  /// Looks at once; not beside itself.
  void Look();

 private:
  const std::function<std::uint64_t()> resident_;
  runtime::MemoryBudget all_;
  runtime::MemoryBudget bodies_;
  runtime::MemoryBudget others_;
  runtime::PeriodicJob job_;
};

}  // namespace granary::services
