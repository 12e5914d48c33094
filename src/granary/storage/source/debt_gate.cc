#include "granary/storage/source/debt_gate.h"

#include <algorithm>

namespace granary::storage {
namespace {

// Cancellation has no callback, so a waiter looks by itself: half of what the header promises.
constexpr std::chrono::milliseconds kLookForCancelEvery{10};

}  // namespace

void DebtGate::Set(const CompactionDebt& debt, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  const bool owed = !throttle_.is_free();
  throttle_ = ThrottleWrites(debt, limits_);
  const bool owes = !throttle_.is_free();
  if (owes && !owed) merged_.Begin(now_ns);
  if (debt.files < debt_.files)
    merged_.Count(now_ns, static_cast<double>(debt_.files - debt.files));
  debt_ = debt;
  owes_.store(owes, std::memory_order_relaxed);
  if (!owes) changed_.notify_all();
}

Status DebtGate::Pass(const runtime::CancelToken& cancel) {
  if (!owes()) return Status::Ok();
  std::unique_lock lock(mutex_);
  if (throttle_.refused) {
    ++refused_;
    return {Code::kOverloaded, throttle_.reason + "; try again later"};
  }
  if (throttle_.is_free()) return Status::Ok();
  ++slowed_;
  const auto until = std::chrono::steady_clock::now() + throttle_.delay;
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= until || throttle_.is_free()) return Status::Ok();
    changed_.wait_until(lock, std::min(until, now + kLookForCancelEvery));
    GRANARY_TRY(cancel.Check().At("while files are merged"));
  }
}

DebtCounts DebtGate::counts(std::int64_t now_ns) const {
  const std::lock_guard lock(mutex_);
  DebtCounts out{debt_, throttle_.delay, slowed_, refused_, 1};
  if (throttle_.refused) {
    const std::uint64_t bearable = std::min(limits_.slow_files, limits_.stop_files);
    out.retry_after_seconds = merged_.RetryAfterSeconds(
        static_cast<std::size_t>(debt_.files - std::min(debt_.files, bearable) + 1), now_ns);
  }
  return out;
}

}  // namespace granary::storage
