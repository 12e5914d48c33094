// Admission: at most so many searches at once; the rest queue, first come first served, and past a
// full queue are refused with kOverloaded rather than piling up.
//
// Threads    fully safe.
#pragma once

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
};

struct AdmissionCounts {
  std::size_t running = 0;
  std::size_t queued = 0;
  std::uint64_t admitted = 0;
  std::uint64_t refused = 0;
};

class Admission {
 public:
  explicit Admission(AdmissionOptions options);
  ~Admission();

  /// Gives the slot back on destruction.
  class Slot {
   public:
    Slot() = default;
    explicit Slot(Admission* owner) : owner_(owner) {}
    Slot(Slot&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    Slot& operator=(Slot&& other) noexcept {
      std::swap(owner_, other.owner_);
      return *this;
    }
    ~Slot() {
      if (owner_ != nullptr) owner_->Release();
    }

   private:
    Admission* owner_ = nullptr;
  };

  /// Waits for a slot. kOverloaded when the queue is full; kCancelled or kDeadlineExceeded by
  /// `cancel` (noticed within 20 ms).
  Result<Slot> Enter(const runtime::CancelToken& cancel);

  AdmissionCounts counts() const;

 private:
  void Release();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granary::runtime
