// HotBudget: the memory that all hot tiers of a store share.
//
// Use        a write holds what its batch takes before it does anything, and gives the hold back
//            once the batch is in the hot tier, which counts for itself from then on. A bulk holds
//            what it has not written to files yet.
// Full       whoever does not fit, under this limit or one above it, says so (`press`, which has
//            the background flush) and stands in a line: a writer that is faster than the flushes
//            is slowed to their pace, and refused only when none of them helps for `wait_max`.
// Asked      others in the tree that wait for memory ask for a flush, too, again and again: one that
//            runs is not begun anew, and one that could not help not before further rows came.
// Threads    fully safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "granary/runtime/cancel.h"
#include "granary/runtime/memory_budget.h"
#include "granary/runtime/memory_queue.h"
#include "granary/storage/source/store.h"

namespace granary::storage {

class HotBudget {
 public:
  /// `parent`, when there is one, counts what is held here and outlives this.
  HotBudget(std::uint64_t bytes_max, std::chrono::milliseconds wait_max,
            std::function<void()> press, runtime::MemoryBudget* parent = nullptr)
      : budget_("hot_tier", bytes_max, parent), line_(wait_max), press_(std::move(press)) {}

  /// Gives its bytes back on destruction.
  using Hold = runtime::MemoryReservation;

  /// At once or not at all.
  std::optional<Hold> TryHold(std::uint64_t bytes) { return line_.TryEnter(budget_, bytes); }
  /// Waits. MemoryQueue::Enter's errors, which name the budget that is in the way: kOverloaded,
  /// kTooLarge, kCancelled, kDeadlineExceeded. Whoever waits holds nothing that a flush needs.
  Result<Hold> AwaitHold(std::uint64_t bytes, const runtime::CancelToken& cancel);

  /// For rows that are there already and must be counted, whatever the limit.
  void Add(std::uint64_t bytes) {
    budget_.Add(bytes);
    nothing_helps_ = false;
  }
  void Release(std::uint64_t bytes) { budget_.Release(bytes); }

  std::uint64_t bytes() const { return budget_.reserved(); }
  std::uint64_t bytes_max() const { return budget_.limit(); }

  /// Somebody else in the tree waits for so much.
  void Ask(std::uint64_t bytes);
  /// For the flush: what there is, and what is wanted.
  HotMemory memory() const { return {bytes(), wanted_bytes_.load(), asked_bytes_.load()}; }
  /// After its choice, and what it chose: whoever still waits asks again.
  enum class Answer : std::uint8_t { kFlushed, kNothingHelps };
  void Answered(Answer answer);

 private:
  runtime::MemoryBudget budget_;
  runtime::MemoryQueue line_;
  const std::function<void()> press_;
  std::atomic<std::uint64_t> wanted_bytes_ = 0;  // By those that wait.
  std::atomic<std::uint64_t> asked_bytes_ = 0;   // The most since the last answer.
  std::atomic<bool> nothing_helps_ = false;
};

}  // namespace granary::storage
