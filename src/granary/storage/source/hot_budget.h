// HotBudget: the memory that all hot tiers of a store share.
//
// Use        a write reserves what its batch takes before it does anything, and gives the
//            reservation back once the batch is in the hot tier, which counts for itself from then
//            on. A bulk holds what it has not written to files yet.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <utility>

#include "granary/runtime/memory_budget.h"

namespace granary::storage {

class HotBudget {
 public:
  /// `parent`, when there is one, counts what is held here and outlives this.
  explicit HotBudget(std::uint64_t bytes_max, runtime::MemoryBudget* parent = nullptr)
      : budget_("hot_tier", bytes_max, parent) {}

  /// Gives its bytes back on destruction.
  class Hold {
   public:
    Hold() = default;
    Hold(HotBudget* budget, std::uint64_t bytes) : budget_(budget), bytes_(bytes) {}
    Hold(Hold&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Hold& operator=(Hold&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Hold() {
      if (budget_ != nullptr) budget_->Release(bytes_);
    }

   private:
    HotBudget* budget_ = nullptr;
    std::uint64_t bytes_ = 0;
  };

  /// False, and nothing reserved, when that would pass the limit, or one above it.
  bool Reserve(std::uint64_t bytes, Hold& hold) {
    if (budget_.TryReserve(bytes) != nullptr) return false;
    hold = Hold(this, bytes);
    return true;
  }
  /// For rows that are there already and must be counted, whatever the limit.
  void Add(std::uint64_t bytes) { budget_.Add(bytes); }
  void Release(std::uint64_t bytes) { budget_.Release(bytes); }

  std::uint64_t bytes() const { return budget_.reserved(); }
  std::uint64_t bytes_max() const { return budget_.limit(); }

 private:
  runtime::MemoryBudget budget_;
};

}  // namespace granary::storage
