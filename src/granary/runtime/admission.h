// Admission: at most so many searches at once; the rest queue, first come first served, and past a
// full queue are refused with kOverloaded rather than piling up.
//
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
};

class Admission {
 private:
  enum class PlaceState : std::uint8_t { kRunning, kPaused, kLost };
  struct Place {
    PlaceState state = PlaceState::kRunning;
    std::chrono::steady_clock::time_point paused_at;
  };

 public:
  explicit Admission(AdmissionOptions options);
  ~Admission();

  /// Gives the slot back on destruction.
  class Slot {
   public:
    Slot() = default;
    explicit Slot(Admission* owner) : owner_(owner), place_(std::make_unique<Place>()) {}
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

  /// Waits for a slot. kOverloaded when the queue is full; kCancelled or kDeadlineExceeded by
  /// `cancel` (noticed within 20 ms).
  Result<Slot> Enter(const runtime::CancelToken& cancel);

  AdmissionCounts counts() const;

 private:
  void Release(Place& place);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granary::runtime
