#include "granary/runtime/cancel.h"

#include <atomic>

#include "granary/io/clock.h"

namespace granary::runtime {

struct CancelToken::State {
  std::atomic<bool> cancelled = false;
  std::optional<std::int64_t> deadline_ns;

  bool Expired() const {
    return deadline_ns.has_value() && io::SystemClock().MonotonicNanos() >= *deadline_ns;
  }
};

CancelToken::CancelToken() : state_(std::make_shared<State>()) {}

CancelToken::CancelToken(std::int64_t monotonic_ns) : CancelToken() {
  state_->deadline_ns = monotonic_ns;
}

void CancelToken::Cancel() { state_->cancelled.store(true, std::memory_order_relaxed); }

bool CancelToken::cancelled() const {
  return state_->cancelled.load(std::memory_order_relaxed) || state_->Expired();
}

Status CancelToken::Check() const {
  if (pacer_ != nullptr) pacer_->Pace();
  if (state_->cancelled.load(std::memory_order_relaxed)) {
    return {Code::kCancelled, "cancelled before it was done"};
  }
  if (state_->Expired()) return {Code::kDeadlineExceeded, "not done before its deadline"};
  return Status::Ok();
}

CancelToken CancelToken::Paced(Pacer* pacer) const {
  CancelToken out = *this;
  if (pacer != nullptr) out.pacer_ = pacer;
  return out;
}

std::optional<std::int64_t> CancelToken::deadline_ns() const { return state_->deadline_ns; }

}  // namespace granary::runtime
