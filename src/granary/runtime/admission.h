// Admission: at most so many searches at once; the rest queue, and past a full queue are refused
// with kOverloaded rather than piling up.
//
// Order      fair between keys (tenants) by weight, counted in the time that slots were held
//            (fair_queue.h); within a key first come, first served. Who is past its deadline, or
//            cancelled, gets no slot.
// Pauses     a search whose client takes its answer slowly works on nothing: after pause_max_ms in
//            one pause its slot goes to the first that queues, and it waits for another one, ahead
//            of the queue, before it goes on. So slow readers cannot hold all slots.
// Threads    fully safe; a Slot is used by one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "granary/base/status.h"
#include "granary/runtime/cancel.h"
#include "granary/runtime/fair_queue.h"

namespace granary::runtime {

struct AdmissionOptions {
  std::size_t concurrent_max = 10;  ///< MAX_CONCURRENT_SEARCHES.
  std::size_t queued_max = 1000;    ///< Waiting ones beyond that are refused.
  std::chrono::milliseconds pause_max{100};
};

struct AdmissionCounts {
  std::size_t running = 0;
  std::size_t queued = 0;
  std::uint64_t admitted = 0;
  std::uint64_t refused = 0;
  /// When those that wait will have been admitted, at the rate of the last seconds; 1 or more.
  std::int64_t retry_after_seconds = 1;
};

class Admission {
 private:
  enum class PlaceState : std::uint8_t { kRunning, kPaused, kLost };
  struct Place {
    FairKey key;
    PlaceState state = PlaceState::kRunning;
    std::chrono::steady_clock::time_point paused_at;
    std::chrono::steady_clock::time_point entered_at;
    double charged = 0;
  };

 public:
  explicit Admission(AdmissionOptions options);
  ~Admission();

  /// Gives the slot back on destruction.
  class Slot {
   public:
    Slot() = default;
    Slot(Admission* owner, std::unique_ptr<Place> place)
        : owner_(owner), place_(std::move(place)) {}
    Slot(Slot&&) = default;
    Slot& operator=(Slot&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(place_, other.place_);
      return *this;
    }
    ~Slot() {
      if (place_ != nullptr) owner_->Release(*place_);
    }

    /// Until Resume the holder only waits for somebody else.
    void Pause();
    /// Fails as Enter does, apart from kOverloaded; the slot is gone then.
    Status Resume(const runtime::CancelToken& cancel);

   private:
    Admission* owner_ = nullptr;
    std::unique_ptr<Place> place_;
  };

  /// Waits for a slot. kOverloaded when the queue is full; kDeadlineExceeded as soon as the
  /// deadline of `cancel` has passed, kCancelled within 20 ms.
  Result<Slot> Enter(const runtime::CancelToken& cancel, FairKey key = {});

  AdmissionCounts counts() const;

 private:
  void Release(Place& place);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granary::runtime
