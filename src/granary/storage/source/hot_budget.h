// HotBudget: the memory that all hot tiers of a store share.
//
// Use        a write reserves what its batch takes before it does anything, and gives the
//            reservation back once the batch is in the hot tier, which counts for itself from then
//            on.
// Threads    fully safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace granary::storage {

class HotBudget {
 public:
  explicit HotBudget(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

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

  /// False, and nothing reserved, when that would pass the limit.
  bool Reserve(std::uint64_t bytes, Hold& hold) {
    if (bytes_.fetch_add(bytes) + bytes > bytes_max_) {
      Release(bytes);
      return false;
    }
    hold = Hold(this, bytes);
    return true;
  }
  /// For rows that are there already and must be counted, whatever the limit.
  void Add(std::uint64_t bytes) { bytes_.fetch_add(bytes); }
  void Release(std::uint64_t bytes) { bytes_.fetch_sub(bytes); }

  std::uint64_t bytes() const { return bytes_.load(); }
  std::uint64_t bytes_max() const { return bytes_max_; }

 private:
  const std::uint64_t bytes_max_;
  std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace granary::storage
