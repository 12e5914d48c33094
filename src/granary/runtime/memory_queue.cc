#include "granary/runtime/memory_queue.h"

#include <fmt/format.h>

namespace granary::runtime {
namespace {

// Cancellation has no callback, so a waiter looks by itself: half of what the header promises.
constexpr std::chrono::milliseconds kLookForRoomEvery{10};

Status NeverFits(const MemoryBudget& budget, std::uint64_t bytes) {
  return {Code::kTooLarge, fmt::format("{} bytes of memory are needed at once, \"{}\" may take {}",
                                       bytes, budget.name(), budget.reach())};
}

}  // namespace

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
  if (bytes > budget.reach()) return NeverFits(budget, bytes);
  Refusals count = Refusals::kCounted;  // Once, however often we look.
  if (auto at_once = EnterAtOnce(budget, bytes, count)) return std::move(*at_once);
  const auto give_up = std::chrono::steady_clock::now() + wait_max_;
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
    if (status.ok() && std::chrono::steady_clock::now() >= give_up)
      status = OutOfMemory(*refused_by, bytes);
    if (!status.ok()) break;
    budget.WaitForRelease(kLookForRoomEvery);
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
