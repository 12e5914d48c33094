// BoundedRing: a queue of fixed size that never makes its callers wait: what finds it full is
// refused, and counted.
//
// Threads    fully safe, without a lock: any number push and pop.
// Source     D. Vyukov, "Bounded MPMC queue" (1024cores.net): each cell has a ticket that says
//            whose turn it is.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace granary::runtime {

template <typename T>
class BoundedRing {
 public:
  /// Holds `capacity`, brought up to a power of two.
  explicit BoundedRing(std::size_t capacity)
      : mask_(std::bit_ceil(capacity < 2 ? std::size_t{2} : capacity) - 1),
        cells_(std::make_unique<Cell[]>(mask_ + 1)) {
    for (std::size_t i = 0; i <= mask_; ++i) cells_[i].ticket.store(i, std::memory_order_relaxed);
  }

  std::size_t capacity() const { return mask_ + 1; }

  /// False, and `value` is as it was, when the ring is full.
  bool TryPush(T&& value) {
    std::size_t at = pushed_.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[at & mask_];
      const std::size_t ticket = cell.ticket.load(std::memory_order_acquire);
      if (ticket == at) {
        if (!pushed_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
        cell.value = std::move(value);
        cell.ticket.store(at + 1, std::memory_order_release);
        return true;
      }
      if (static_cast<std::ptrdiff_t>(ticket - at) < 0) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        return false;
      }
      at = pushed_.load(std::memory_order_relaxed);
    }
  }

  /// The oldest; nothing when there is none.
  std::optional<T> TryPop() {
    std::size_t at = popped_.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[at & mask_];
      const std::size_t ticket = cell.ticket.load(std::memory_order_acquire);
      const auto ahead = static_cast<std::ptrdiff_t>(ticket - (at + 1));
      if (ahead == 0) {
        if (!popped_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
        std::optional<T> value(std::move(cell.value));
        cell.value = T();
        cell.ticket.store(at + mask_ + 1, std::memory_order_release);
        return value;
      }
      if (ahead < 0) return std::nullopt;
      at = popped_.load(std::memory_order_relaxed);
    }
  }

  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  struct Cell {
    std::atomic<std::size_t> ticket;
    T value;
  };
  const std::size_t mask_;
  const std::unique_ptr<Cell[]> cells_;
  alignas(64) std::atomic<std::size_t> pushed_ = 0;
  alignas(64) std::atomic<std::size_t> popped_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
};

}  // namespace granary::runtime
