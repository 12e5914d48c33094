// MemoryQueue: whoever needs memory before it may start waits here for it, first come first served,
// and is refused with kOverloaded when others hold it for too long.
//
// Why        one line rather than a race: a large request at its head is not starved by small ones
//            that slip in before it.
// Threads    fully safe. Budgets outlive their callers' stay.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>

#include "granary/base/status.h"
#include "granary/runtime/cancel.h"
#include "granary/runtime/memory_budget.h"

namespace granary::runtime {

struct MemoryQueueCounts {
  std::size_t waiting = 0;
  std::uint64_t waited = 0;   ///< Had to wait, and got it.
  std::uint64_t refused = 0;  ///< Waited in vain.
};

class MemoryQueue {
 public:
  explicit MemoryQueue(std::chrono::milliseconds wait_max) : wait_max_(wait_max) {}

  /// `bytes` of `budget`. kOverloaded after `wait_max`; kTooLarge, at once where that is certain,
  /// when the budget or one above it would not have so much even if nobody else held any;
  /// kCancelled or kDeadlineExceeded by `cancel`, noticed within 20 ms.
  Result<MemoryReservation> Enter(MemoryBudget& budget, std::uint64_t bytes,
                                  const CancelToken& cancel);
  /// The same without waiting, for callers that have no thread to wait on: nothing when the memory
  /// is taken or others wait for it already.
  std::optional<MemoryReservation> TryEnter(MemoryBudget& budget, std::uint64_t bytes);

  MemoryQueueCounts counts() const;

 private:
  struct Waiter {};
  /// TryEnter, which says whether it has counted a refusal.
  std::optional<MemoryReservation> EnterAtOnce(MemoryBudget& budget, std::uint64_t bytes,
                                               Refusals& count);

  const std::chrono::milliseconds wait_max_;
  mutable std::mutex mutex_;
  std::list<Waiter> line_;
  std::uint64_t waited_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace granary::runtime
