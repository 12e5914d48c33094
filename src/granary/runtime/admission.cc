#include "granary/runtime/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>

#include "granary/base/check.h"
#include "granary/runtime/drain_rate.h"

namespace granary::runtime {
namespace {

using Moment = std::chrono::steady_clock::time_point;

// Cancellation has no callback, so a waiter looks by itself: half of what the header promises.
constexpr auto kLookEvery = std::chrono::milliseconds(10);

enum class WaiterState : std::uint8_t { kWaits, kAdmitted, kPassedOver };

struct Waiter {
  const CancelToken& cancel;
  std::condition_variable wake = {};
  WaiterState state = WaiterState::kWaits;
};

std::int64_t Nanos(Moment moment) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(moment.time_since_epoch()).count();
}

// As CancelToken counts: io::SystemClock's nanoseconds are the steady clock's.
Moment LookAgainAt(const CancelToken& cancel, Moment now) {
  const auto deadline_ns = cancel.deadline_ns();
  if (!deadline_ns) return now + kLookEvery;
  return std::min(now + kLookEvery, Moment(std::chrono::nanoseconds(*deadline_ns)));
}

}  // namespace

struct Admission::State {
  explicit State(AdmissionOptions o) : options(o) {
    options.concurrent_max = std::max<std::size_t>(options.concurrent_max, 1);
  }

  AdmissionOptions options;
  mutable std::mutex mutex;
  std::list<Waiter*> returning;  // They had a slot and lost it. Waiters live on threads' stacks.
  FairQueue queue;               // Of Waiters, after those.
  std::list<Place*> paused;      // The longest first.
  DrainRate drained;
  std::size_t running = 0;
  std::uint64_t admitted = 0;
  std::uint64_t refused = 0;

  std::size_t waiting() const { return returning.size() + queue.size(); }

  Waiter* TakeFirst() {
    if (returning.empty()) return static_cast<Waiter*>(queue.Pop());
    Waiter* first = returning.front();
    returning.pop_front();
    return first;
  }

  // A slot that became free goes straight to the next waiter, so that a newcomer cannot slip in
  // between; not to one whose time is over, who would only hand it back.
  void Free() {
    GRANARY_CHECK(running > 0);
    --running;
    while (Waiter* first = TakeFirst()) {
      const bool wanted = !first->cancel.cancelled();
      first->state = wanted ? WaiterState::kAdmitted : WaiterState::kPassedOver;
      first->wake.notify_one();
      if (!wanted) continue;
      drained.Count(Nanos(std::chrono::steady_clock::now()));
      ++running;
      return;
    }
  }

  void Enter(Place& place) {
    ++admitted;
    place.entered_at = std::chrono::steady_clock::now();
    place.charged = queue.Begin(place.key);
  }

  void Leave(Place& place) {
    const std::chrono::duration<double, std::milli> held =
        std::chrono::steady_clock::now() - place.entered_at;
    queue.End(place.key, place.charged, held.count());
    Free();
  }

  // Takes the slots of those that pause for too long, as far as somebody wants them.
  void TakeFromPaused(Moment now) {
    while (waiting() > 0 && !paused.empty() &&
           now - paused.front()->paused_at >= options.pause_max) {
      Place& place = *paused.front();
      paused.pop_front();
      place.state = PlaceState::kLost;
      Leave(place);
    }
  }

  // Waits until a slot was handed over to `waiter`, which stands in one of the lines.
  Status Wait(std::unique_lock<std::mutex>& lock, Waiter& waiter, const FairKey& key) {
    for (;;) {
      const Moment now = std::chrono::steady_clock::now();
      TakeFromPaused(now);
      if (waiter.state == WaiterState::kWaits)
        waiter.wake.wait_until(lock, LookAgainAt(waiter.cancel, now),
                               [&] { return waiter.state != WaiterState::kWaits; });
      if (waiter.state == WaiterState::kAdmitted) return Status::Ok();
      if (Status status = waiter.cancel.Check(); !status.ok()) {
        if (waiter.state == WaiterState::kWaits) {
          returning.remove(&waiter);
          queue.Remove(key, &waiter);
        }
        return status.At("while waiting for a free search slot");
      }
    }
  }

  Status Queue(std::unique_lock<std::mutex>& lock, const CancelToken& cancel, const FairKey& key) {
    if (waiting() == 0) drained.Begin(Nanos(std::chrono::steady_clock::now()));
    Waiter waiter{cancel};
    queue.Push(key, &waiter);
    return Wait(lock, waiter, key);
  }

  Status Return(std::unique_lock<std::mutex>& lock, const CancelToken& cancel, const FairKey& key) {
    Waiter waiter{cancel};
    returning.push_back(&waiter);
    return Wait(lock, waiter, key);
  }
};

Admission::Admission(AdmissionOptions options) : state_(std::make_unique<State>(options)) {}

Admission::~Admission() {
  const std::lock_guard lock(state_->mutex);
  GRANARY_CHECK(state_->running == 0 && state_->paused.empty() && state_->waiting() == 0,
                "running={} queued={}", state_->running, state_->waiting());
}

Result<Admission::Slot> Admission::Enter(const CancelToken& cancel, FairKey key) {
  GRANARY_TRY(cancel.Check());
  auto place = std::make_unique<Place>();
  place->key = std::move(key);
  std::unique_lock lock(state_->mutex);
  if (state_->running < state_->options.concurrent_max) {
    ++state_->running;
  } else if (state_->waiting() >= state_->options.queued_max) {
    ++state_->refused;
    return Status(Code::kOverloaded,
                  fmt::format("{} searches run and {} wait already; try again later",
                              state_->running, state_->waiting()));
  } else {
    GRANARY_TRY(state_->Queue(lock, cancel, place->key));
  }
  state_->Enter(*place);
  return Slot(this, std::move(place));
}

void Admission::Release(Place& place) {
  const std::lock_guard lock(state_->mutex);
  if (place.state == PlaceState::kPaused) state_->paused.remove(&place);
  if (place.state != PlaceState::kLost) state_->Leave(place);
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
      ++state.running;
    } else {
      GRANARY_TRY(state.Return(lock, cancel, place_->key));
    }
    state.Enter(*place_);
  }
  place_->state = PlaceState::kRunning;
  return Status::Ok();
}

AdmissionCounts Admission::counts() const {
  const std::lock_guard lock(state_->mutex);
  AdmissionCounts out{state_->running, state_->waiting(), state_->admitted, state_->refused};
  out.retry_after_seconds =
      state_->drained.RetryAfterSeconds(out.queued, Nanos(std::chrono::steady_clock::now()));
  return out;
}

}  // namespace granary::runtime
