// DebtGate: writes to one source pass it, slower or not at all while the source has too many files
// that wait to be merged (write_throttle.h).
//
// Cost       one relaxed load where nothing is owed.
// Threads    fully safe. Whoever waits holds nothing that a merge needs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "granary/base/status.h"
#include "granary/runtime/cancel.h"
#include "granary/runtime/drain_rate.h"
#include "granary/storage/source/write_throttle.h"

namespace granary::storage {

struct DebtCounts {
  CompactionDebt debt;
  std::chrono::microseconds delay{0};  ///< Of a write that comes now.
  std::uint64_t slowed = 0, refused = 0;
  /// When a refused writer may come again: once merging at the rate of the last seconds has brought
  /// the debt to where nobody is slowed; 1 where nobody is refused.
  std::int64_t retry_after_seconds = 1;
};

class DebtGate {
 public:
  explicit DebtGate(DebtLimits limits) : limits_(limits) {}

  /// Whoever waits goes on at once when nothing is owed any more.
  void Set(const CompactionDebt& debt, std::int64_t now_ns);

  /// Waits as long as the debt says. kOverloaded, at once, when there is too much; kCancelled or
  /// kDeadlineExceeded by `cancel`, noticed within 20 ms.
  Status Pass(const runtime::CancelToken& cancel);

  /// Whether the debt slows writes, or worse.
  bool owes() const { return owes_.load(std::memory_order_relaxed); }
  DebtCounts counts(std::int64_t now_ns) const;

 private:
  const DebtLimits limits_;
  std::atomic<bool> owes_ = false;
  mutable std::mutex mutex_;  // Guards the rest.
  std::condition_variable changed_;
  CompactionDebt debt_;
  WriteThrottle throttle_;
  runtime::DrainRate merged_;  // Files that are not owed any more.
  std::uint64_t slowed_ = 0, refused_ = 0;
};

}  // namespace granary::storage
