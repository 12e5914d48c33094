#include "granary/storage/source/hot_budget.h"

namespace granary::storage {

Result<HotBudget::Hold> HotBudget::AwaitHold(std::uint64_t bytes,
                                             const runtime::CancelToken& cancel) {
  if (auto hold = TryHold(bytes)) return std::move(*hold);
  wanted_bytes_ += bytes;
  press_();
  Result<Hold> hold = line_.Enter(budget_, bytes, cancel);
  wanted_bytes_ -= bytes;
  return hold;
}

void HotBudget::Ask(std::uint64_t bytes) {
  std::uint64_t before = asked_bytes_.load();
  while (bytes > before && !asked_bytes_.compare_exchange_weak(before, bytes)) {
  }
  // Who came before has the flush begun.
  if (before == 0 && !nothing_helps_) press_();
}

void HotBudget::Answered(Answer answer) {
  nothing_helps_ = answer == Answer::kNothingHelps;
  asked_bytes_ = 0;
}

}  // namespace granary::storage
