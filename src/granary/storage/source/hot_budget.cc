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

}  // namespace granary::storage
