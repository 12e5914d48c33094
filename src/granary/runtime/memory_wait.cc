#include "granary/runtime/memory_wait.h"

#include <algorithm>

namespace granary::runtime {
namespace {

// Cancellation has no callback, so who waits looks by itself: half of what it promises.
constexpr std::chrono::milliseconds kLookForRoomEvery{10};
/// What is named and stays: the last files that are open.
constexpr std::uint64_t kCrumbsBytes = 6u << 20;
/// What asks for less than such a part of the limit fits another time, whatever is unnamed now.
constexpr std::uint64_t kSmallParts = 8;

}  // namespace

bool MemoryWait::IsNever(const MemoryBudget& refused_by, std::uint64_t all) const {
  if (all > budget_.room()) return true;
  return all > refused_by.limit() / kSmallParts && Clock::now() - others_held_ >= kSureAfter;
}

bool MemoryWait::Pause(const MemoryBudget& refused_by, std::uint64_t own, std::uint64_t bytes) {
  const Clock::time_point now = Clock::now();
  const std::uint64_t not_theirs = refused_by.unnamed() + own;
  // With room for it there it is not memory that it waits for, but whoever is before it in a line.
  const bool has_room = refused_by.reserved() + bytes <= refused_by.limit();
  if (has_room || refused_by.reserved() > not_theirs + kCrumbsBytes) others_held_ = now;
  if (now - began_ >= at_most_ || IsNever(refused_by, own + bytes)) return false;
  refused_by.Press(bytes);
  budget_.WaitForRelease(kLookForRoomEvery);
  return true;
}

Status MemoryWait::Refusal(const MemoryBudget& refused_by, std::uint64_t own,
                           std::uint64_t bytes) const {
  const std::uint64_t all = own + bytes, limit = refused_by.limit();
  if (all > budget_.room()) return NeverFits(budget_, all, budget_.room());
  if (!IsNever(refused_by, all)) return OutOfMemory(refused_by, bytes);
  const std::uint64_t others = std::max(refused_by.reserved(), own) - own;
  return NeverFits(refused_by, all, limit - std::min(limit, others));
}

}  // namespace granary::runtime
