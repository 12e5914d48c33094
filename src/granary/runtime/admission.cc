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
  std::list<Place*> paused;  // The longest first.
  std::size_t running = 0;
  std::uint64_t admitted = 0;
  std::uint64_t refused = 0;

  void Admit() {
    ++running;
    ++admitted;
  }

  // A slot that became free goes straight to the first waiter, so that a newcomer cannot slip in
  // between.
  void Free() {
    GRANARY_CHECK(running > 0);
    --running;
    if (queue.empty()) return;
    Waiter* first = queue.front();
    queue.pop_front();
    Admit();
    first->admitted = true;
    first->wake.notify_one();
  }

  // Takes the slots of those that pause for too long, as far as somebody wants them.
  void TakeFromPaused() {
    const auto now = std::chrono::steady_clock::now();
    while (!queue.empty() && !paused.empty() &&
           now - paused.front()->paused_at >= options.pause_max) {
      paused.front()->state = PlaceState::kLost;
      paused.pop_front();
      Free();
    }
  }

  // Waits until a slot was handed over. On cancellation the waiter leaves the queue.
  Status Wait(std::unique_lock<std::mutex>& lock, std::list<Waiter*>::iterator before,
              const CancelToken& cancel) {
    Waiter waiter;
    const auto place = queue.insert(before, &waiter);
    for (;;) {
      TakeFromPaused();
      if (!waiter.admitted) waiter.wake.wait_for(lock, kLookEvery, [&] { return waiter.admitted; });
      if (waiter.admitted) return Status::Ok();  // Free() took it out of the queue.
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
  GRANARY_CHECK(state_->running == 0 && state_->paused.empty() && state_->queue.empty(),
                "running={} queued={}", state_->running, state_->queue.size());
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
    GRANARY_TRY(state_->Wait(lock, state_->queue.end(), cancel));
  }
  return Slot(this);
}

void Admission::Release(Place& place) {
  const std::lock_guard lock(state_->mutex);
  if (place.state == PlaceState::kPaused) state_->paused.remove(&place);
  if (place.state != PlaceState::kLost) state_->Free();
}

void Admission::Slot::Pause() {
  State& state = *owner_->state_;
  const std::lock_guard lock(state.mutex);
  if (place_->state != PlaceState::kRunning) return;
  place_->state = PlaceState::kPaused;
  place_->paused_at = std::chrono::steady_clock::now();
  state.paused.push_back(place_.get());
}

Status Admission::Slot::Resume(const CancelToken& cancel) {
  State& state = *owner_->state_;
  std::unique_lock lock(state.mutex);
  if (place_->state == PlaceState::kPaused) {
    state.paused.remove(place_.get());
  } else if (place_->state == PlaceState::kLost) {
    if (state.running < state.options.concurrent_max) {
      state.Admit();
    } else {
      GRANARY_TRY(state.Wait(lock, state.queue.begin(), cancel));
    }
  }
  place_->state = PlaceState::kRunning;
  return Status::Ok();
}

AdmissionCounts Admission::counts() const {
  const std::lock_guard lock(state_->mutex);
  return {state_->running, state_->queue.size(), state_->admitted, state_->refused};
}

}  // namespace granary::runtime
