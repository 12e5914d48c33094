#include "granary/security/hash_gate.h"

namespace granary::security {

Result<HashGate::Slot> HashGate::Enter() {
  std::unique_lock lock(mutex_);
  if (running_ >= options_.at_once) {
    if (waiting_ >= options_.waiting_max)
      return Status(Code::kOverloaded, "too many logins wait for their turn");
    ++waiting_;
    const bool free =
        left_.wait_for(lock, options_.wait_max, [this] { return running_ < options_.at_once; });
    --waiting_;
    if (!free) return Status(Code::kOverloaded, "other logins took too long");
  }
  ++running_;
  return Slot(this);
}

void HashGate::Leave() {
  const std::lock_guard lock(mutex_);
  --running_;
  left_.notify_one();
}

}  // namespace granary::security
