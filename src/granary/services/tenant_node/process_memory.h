// ProcessMemory: the root of the memory tree, and a child for what nobody reserves: the program
// itself, buffers of libraries, and what the allocator has not given back yet.
//
// How        that child is set to what the kernel says is resident less what is reserved, a
//            hundred times a second; so what is really used limits what is granted, however rough
//            the estimates are. An eighth of the limit is never granted: it is for what happens
//            between two looks. Where little is left, the allocator is told to give its free pages
//            back: twenty times a second, and at each look where nothing is left.
// Threads    fully safe. Outlives whoever reserves.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "granary/runtime/memory_budget.h"
#include "granary/runtime/periodic.h"

namespace granary::services {

class ProcessMemory {
 public:
  /// `resident` is asked for the process' resident bytes (0 when nobody knows); `give_back` makes
  /// the allocator return what it keeps, and may be null.
  ProcessMemory(std::uint64_t limit_bytes, std::function<std::uint64_t()> resident,
                std::function<void()> give_back = nullptr);
  ~ProcessMemory();

  std::uint64_t limit() const { return limit_; }
  runtime::MemoryBudget& all() { return all_; }  ///< Of seven eighths of the limit.
  runtime::MemoryBudget& bodies() { return bodies_; }
  const runtime::MemoryBudget& all() const { return all_; }
  const runtime::MemoryBudget& bodies() const { return bodies_; }
  const runtime::MemoryBudget& others() const { return others_; }

  /// The program is there with all that it needs for itself: what is unnamed from here on and never
  /// goes away is taken for good.
  void Settle() { settled_ = true; }

  /// Looks at once; not beside itself.
  void Look();

 private:
  const std::uint64_t limit_;
  const std::function<std::uint64_t()> resident_;
  const std::function<void()> give_back_;
  runtime::MemoryBudget all_;
  runtime::MemoryBudget bodies_;
  runtime::MemoryBudget others_;
  std::atomic<int> looks_to_asking_ = 0;
  std::atomic<bool> settled_ = false;
  runtime::PeriodicJob job_;
};

}  // namespace granary::services
