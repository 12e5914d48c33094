#include "granary/runtime/memory_queue.h"

#include "granary/runtime/memory_wait.h"

namespace granary::runtime {

std::optional<MemoryReservation> MemoryQueue::TryEnter(MemoryBudget& budget, std::uint64_t bytes) {
  Refusals count = Refusals::kCounted;
  return EnterAtOnce(budget, bytes, count);
}

std::optional<MemoryReservation> MemoryQueue::EnterAtOnce(MemoryBudget& budget, std::uint64_t bytes,
                                                          Refusals& count) {
  {
    const std::lock_guard lock(mutex_);
    if (!line_.empty()) return std::nullopt;
  }
  MemoryReservation reservation(&budget);
  if (reservation.GrowTo(bytes, count) == nullptr) return reservation;
  count = Refusals::kRepeated;
  return std::nullopt;
}

Result<MemoryReservation> MemoryQueue::Enter(MemoryBudget& budget, std::uint64_t bytes,
                                             const CancelToken& cancel) {
  GRANARY_TRY(cancel.Check());
  if (bytes > budget.room()) return NeverFits(budget, bytes, budget.room());
  Refusals count = Refusals::kCounted;  // Once, however often we look.
  if (auto at_once = EnterAtOnce(budget, bytes, count)) return std::move(*at_once);
  MemoryWait wait(budget, wait_max_);
  std::unique_lock lock(mutex_);
  const auto place = line_.insert(line_.end(), Waiter());
  lock.unlock();

  MemoryReservation reservation(&budget);
  const MemoryBudget* refused_by = &budget;
  Status status;
  for (bool in = false; !in;) {
    lock.lock();
    const bool first = place == line_.begin();
    lock.unlock();
    if (first) {
      refused_by = reservation.GrowTo(bytes, count);
      in = refused_by == nullptr;
      count = Refusals::kRepeated;
    }
    if (in) break;
    status = cancel.Check().At("while waiting for memory");
    if (status.ok() && !wait.Pause(*refused_by, 0, bytes))
      status = wait.Refusal(*refused_by, 0, bytes);
    if (!status.ok()) break;
  }
  lock.lock();
  line_.erase(place);
  ++(status.ok() ? waited_ : refused_);
  if (!status.ok()) return status;
  return reservation;
}

MemoryQueueCounts MemoryQueue::counts() const {
  const std::lock_guard lock(mutex_);
  return {line_.size(), waited_, refused_};
}

}  // namespace granary::runtime
