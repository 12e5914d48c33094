#include "granary/runtime/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>

#include "granary/base/check.h"

namespace granary::runtime {
namespace {

// Cancellation has no callback, so a waiter looks by itself: half of what the header promises.
constexpr auto kLookEvery = std::chrono::milliseconds(10);

struct Waiter {
  std::condition_variable wake;
  bool admitted = false;
};

}  // namespace

struct Admission::State {
  explicit State(AdmissionOptions o) : options(o) {
    options.concurrent_max = std::max<std::size_t>(options.concurrent_max, 1);
  }

  AdmissionOptions options;
  mutable std::mutex mutex;
  std::list<Waiter*> queue;  // Waiters live on their threads' stacks.
  std::size_t running = 0;
  std::uint64_t admitted = 0;
  std::uint64_t refused = 0;

  void Admit() {
    ++running;
    ++admitted;
  }

  // Waits until a slot was handed over. On cancellation the waiter leaves the queue.
  Status Wait(std::unique_lock<std::mutex>& lock, const CancelToken& cancel) {
    Waiter waiter;
    const auto place = queue.insert(queue.end(), &waiter);
    for (;;) {
      waiter.wake.wait_for(lock, kLookEvery, [&] { return waiter.admitted; });
      if (waiter.admitted) return Status::Ok();  // Release() took it out of the queue.
      if (Status status = cancel.Check(); !status.ok()) {
        queue.erase(place);
        return status.At("while waiting for a free search slot");
      }
    }
  }
};

Admission::Admission(AdmissionOptions options) : state_(std::make_unique<State>(options)) {}

Admission::~Admission() {
  const std::lock_guard lock(state_->mutex);
  GRANARY_CHECK(state_->running == 0 && state_->queue.empty(), "running={} queued={}",
                state_->running, state_->queue.size());
}

Result<Admission::Slot> Admission::Enter(const CancelToken& cancel) {
  GRANARY_TRY(cancel.Check());
  std::unique_lock lock(state_->mutex);
  if (state_->running < state_->options.concurrent_max) {
    state_->Admit();
  } else if (state_->queue.size() >= state_->options.queued_max) {
    ++state_->refused;
    return Status(Code::kOverloaded,
                  fmt::format("{} searches run and {} wait already; try again later",
                              state_->running, state_->queue.size()));
  } else {
    GRANARY_TRY(state_->Wait(lock, cancel));
  }
  return Slot(this);
}

// The slot goes straight to the first waiter, so that a newcomer cannot slip in between.
void Admission::Release() {
  const std::lock_guard lock(state_->mutex);
  GRANARY_CHECK(state_->running > 0);
  --state_->running;
  if (state_->queue.empty()) return;
  Waiter* first = state_->queue.front();
  state_->queue.pop_front();
  state_->Admit();
  first->admitted = true;
  first->wake.notify_one();
}

AdmissionCounts Admission::counts() const {
  const std::lock_guard lock(state_->mutex);
  return {state_->running, state_->queue.size(), state_->admitted, state_->refused};
}

}  // namespace granary::runtime
