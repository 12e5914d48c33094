#include "granary/runtime/memory_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "granary/base/check.h"

namespace granary::runtime {

MemoryBudget::MemoryBudget(std::string name, std::uint64_t limit_bytes, MemoryBudget* parent)
    : name_(std::move(name)), limit_(limit_bytes), parent_(parent) {}

MemoryBudget::~MemoryBudget() {
  GRANARY_CHECK(reserved() == 0, "budget={} reserved={}", name_, reserved());
}

MemoryBudget& MemoryBudget::root() {
  MemoryBudget* at = this;
  while (at->parent_ != nullptr) at = at->parent_;
  return *at;
}

std::uint64_t MemoryBudget::reach() const {
  std::uint64_t lowest = limit_;
  for (const MemoryBudget* at = parent_; at != nullptr; at = at->parent_)
    lowest = std::min(lowest, at->limit_);
  return lowest;
}

std::uint64_t MemoryBudget::own_room() const {
  const std::uint64_t least = unnamed_least_.load(std::memory_order_relaxed);
  return least == kNoLimit ? limit_ : limit_ - std::min(least, limit_);
}

const MemoryBudget& MemoryBudget::tightest() const {
  const MemoryBudget* tightest = this;
  for (const MemoryBudget* at = parent_; at != nullptr; at = at->parent_)
    if (at->own_room() < tightest->own_room()) tightest = at;
  return *tightest;
}

void MemoryBudget::NoteUnnamed(std::uint64_t bytes) {
  unnamed_.store(bytes, std::memory_order_relaxed);
  if (bytes < unnamed_least_.load(std::memory_order_relaxed))
    unnamed_least_.store(bytes, std::memory_order_relaxed);
}

void MemoryBudget::NotePeak(std::uint64_t now) {
  std::uint64_t before = peak_.load(std::memory_order_relaxed);
  while (now > before && !peak_.compare_exchange_weak(before, now, std::memory_order_relaxed)) {
  }
}

// Never above the limit, not even for a moment: somebody else would be refused for nothing.
bool MemoryBudget::AddWithinLimit(std::uint64_t bytes) {
  std::uint64_t now = reserved_.load(std::memory_order_relaxed);
  do {
    if (bytes > limit_ || now > limit_ - bytes) return false;
  } while (!reserved_.compare_exchange_weak(now, now + bytes, std::memory_order_relaxed));
  NotePeak(now + bytes);
  return true;
}

MemoryBudget* MemoryBudget::Charge(std::uint64_t bytes) {
  for (MemoryBudget* at = this; at != nullptr; at = at->parent_) {
    if (at->AddWithinLimit(bytes)) continue;
    for (MemoryBudget* undone = this; undone != at; undone = undone->parent_)
      undone->reserved_.fetch_sub(bytes, std::memory_order_relaxed);
    return at;
  }
  return nullptr;
}

const MemoryBudget* MemoryBudget::TryReserve(std::uint64_t bytes, Refusals count) {
  if (bytes == 0) return nullptr;  // Also where others are past the limit.
  MemoryBudget* refused = Charge(bytes);
  while (refused != nullptr && refused->Reclaim(bytes) > 0) refused = Charge(bytes);
  if (refused != nullptr && count == Refusals::kCounted)
    refused->refusals_.fetch_add(1, std::memory_order_relaxed);
  return refused;
}

const MemoryBudget* MemoryBudget::TryReserveSmall(std::uint64_t bytes) {
  const MemoryBudget* refused = TryReserve(bytes);
  if (refused == nullptr || bytes > kSmallBytes || reserved() > kSmallBytes - bytes) return refused;
  Add(bytes);
  return nullptr;
}

void MemoryBudget::Add(std::uint64_t bytes) {
  if (bytes == 0) return;
  for (MemoryBudget* at = this; at != nullptr; at = at->parent_)
    at->NotePeak(at->reserved_.fetch_add(bytes, std::memory_order_relaxed) + bytes);
  for (MemoryBudget* at = this; at != nullptr; at = at->parent_) {
    const std::uint64_t now = at->reserved();
    if (now > at->limit_) at->Reclaim(now - at->limit_);
  }
}

void MemoryBudget::Release(std::uint64_t bytes) {
  if (bytes == 0) return;
  MemoryBudget* last = this;
  for (MemoryBudget* at = this; at != nullptr; last = at, at = at->parent_) {
    const std::uint64_t before = at->reserved_.fetch_sub(bytes, std::memory_order_relaxed);
    GRANARY_CHECK(before >= bytes, "budget={} reserved={} released={}", at->name_, before, bytes);
  }
  if (last->waiting_.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(last->release_mutex_);
  ++last->releases_;
  last->released_.notify_all();
}

// Whoever came a moment too early for a release looks again after `at_most` anyway.
void MemoryBudget::WaitForRelease(std::chrono::milliseconds at_most) {
  MemoryBudget& top = root();
  std::unique_lock lock(top.release_mutex_);
  const std::uint64_t seen = top.releases_;
  top.waiting_.fetch_add(1);
  top.released_.wait_for(lock, at_most, [&] { return top.releases_ != seen; });
  top.waiting_.fetch_sub(1);
}

std::uint64_t MemoryBudget::Reclaim(std::uint64_t bytes) {
  const std::lock_guard lock(reclaim_mutex_);
  std::uint64_t given = 0;
  for (const Reclaimer* cache : reclaimers_) {
    if (given >= bytes) break;
    given += cache->give_back_(bytes - given);
  }
  return given;
}

MemoryBudget::Reclaimer::Reclaimer(MemoryBudget& of, GiveBackFn give_back)
    : of_(&of), give_back_(std::move(give_back)) {
  for (MemoryBudget* at = of_->parent_; at != nullptr; at = at->parent_) {
    const std::lock_guard lock(at->reclaim_mutex_);
    at->reclaimers_.push_back(this);
  }
}

MemoryBudget::Reclaimer::~Reclaimer() {
  if (of_ == nullptr) return;
  for (MemoryBudget* at = of_->parent_; at != nullptr; at = at->parent_) {
    const std::lock_guard lock(at->reclaim_mutex_);
    at->reclaimers_.remove(this);
  }
}

MemoryBudget::Presser::Presser(MemoryBudget& of, HoldsFn holds, BeginFn begin)
    : of_(of), holds_(std::move(holds)), begin_(std::move(begin)) {
  for (MemoryBudget* at = &of_; at != nullptr; at = at->parent_) {
    const std::lock_guard lock(at->press_mutex_);
    at->pressers_.push_back(this);
  }
}

MemoryBudget::Presser::~Presser() {
  for (MemoryBudget* at = &of_; at != nullptr; at = at->parent_) {
    const std::lock_guard lock(at->press_mutex_);
    at->pressers_.remove(this);
  }
}

void MemoryBudget::Press(std::uint64_t bytes) const {
  const std::lock_guard lock(press_mutex_);
  std::vector<std::pair<std::uint64_t, const Presser*>> by_size;
  for (const Presser* presser : pressers_) by_size.emplace_back(presser->holds_(), presser);
  std::stable_sort(by_size.begin(), by_size.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [holds, presser] : by_size) {
    if (holds == 0) return;
    presser->begin_(bytes);
    if (holds >= bytes) return;
    bytes -= holds;
  }
}

Status OutOfMemory(const MemoryBudget& refused_by, std::uint64_t bytes) {
  return {
      Code::kOverloaded,
      fmt::format("{} more bytes of memory are needed, and \"{}\" holds {} of the {} that it may "
                  "take: try again in a moment, or give the node a larger MEMORY_LIMIT_MB",
                  bytes, refused_by.name(), refused_by.reserved(), refused_by.limit())};
}

Status NeverFits(const MemoryBudget& budget, std::uint64_t bytes, std::uint64_t room) {
  const MemoryBudget& in_the_way = budget.tightest();
  return {
      Code::kTooLarge,
      fmt::format("{} bytes of memory are needed at once and more, and of the {} that \"{}\" may "
                  "take {} are all that a request can have: send less in one request (fewer "
                  "records in a write), or give the node a larger MEMORY_LIMIT_MB",
                  bytes, in_the_way.limit(), in_the_way.name(), room)};
}

std::uint64_t MemoryReservation::RoundUp(std::uint64_t bytes) {
  const std::uint64_t step = bytes <= kLargeStepBytes ? kSmallStepBytes : kLargeStepBytes;
  if (bytes > MemoryBudget::kNoLimit - step) return bytes;
  return (bytes + step - 1) / step * step;
}

const MemoryBudget* MemoryReservation::GrowTo(std::uint64_t bytes, Refusals count) {
  if (bytes <= bytes_ || budget_ == nullptr) return nullptr;
  std::uint64_t target = RoundUp(bytes);
  const bool is_rounded = target > bytes;
  const MemoryBudget* refused =
      budget_->TryReserve(target - bytes_, is_rounded ? Refusals::kRepeated : count);
  if (refused != nullptr && is_rounded) {
    target = bytes;
    refused = budget_->TryReserve(target - bytes_, count);
  }
  if (refused == nullptr) bytes_ = target;
  return refused;
}

void MemoryReservation::ForceTo(std::uint64_t bytes) {
  if (bytes <= bytes_ || budget_ == nullptr) return;
  const std::uint64_t target = RoundUp(bytes);
  budget_->Add(target - bytes_);
  bytes_ = target;
}

void MemoryReservation::ShrinkTo(std::uint64_t bytes) {
  const std::uint64_t target = bytes == 0 ? 0 : RoundUp(bytes);
  if (target >= bytes_) return;
  budget_->Release(bytes_ - target);
  bytes_ = target;
}

}  // namespace granary::runtime
