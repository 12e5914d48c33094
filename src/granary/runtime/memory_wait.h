// MemoryWait: how anybody waits for room in a budget: has those who can make some begin to, looks
// again when something was released, and says in the end why there was none.
//
// Promise    whoever could have had what they lack if nobody else had held any is told to come back
//            (kOverloaded); whoever could not is told that it never fits (kTooLarge), so that nobody
//            comes back for nothing: at once where it is more than there ever is, or after
//            kSureAfter in which there was no room though nobody else held anything by name.
// Threads    one. The budget outlives it.
#pragma once

#include <chrono>
#include <cstdint>

#include "granary/runtime/memory_budget.h"

namespace granary::runtime {

class MemoryWait {
 public:
  /// What is free for a moment only, pages that the allocator has not given back for one, is free
  /// again by then.
  static constexpr std::chrono::milliseconds kSureAfter{500};

  MemoryWait(MemoryBudget& budget, std::chrono::milliseconds at_most)
      : budget_(budget), began_(Clock::now()), at_most_(at_most), others_held_(began_) {}

  /// `refused_by` is in the way of `bytes` more for whoever holds `own`: returns 10 ms later at
  /// most, or false, at once, where waiting on is no use.
  bool Pause(const MemoryBudget& refused_by, std::uint64_t own, std::uint64_t bytes);

  /// For whoever gives up.
  Status Refusal(const MemoryBudget& refused_by, std::uint64_t own, std::uint64_t bytes) const;

 private:
  using Clock = std::chrono::steady_clock;
  bool IsNever(const MemoryBudget& refused_by, std::uint64_t all) const;

  MemoryBudget& budget_;
  const Clock::time_point began_;
  const std::chrono::milliseconds at_most_;
  Clock::time_point others_held_;  ///< When others were last seen to hold something.
};

}  // namespace granary::runtime
