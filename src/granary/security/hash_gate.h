// HashGate: so many password hashes at once and no more, since each takes tens of megabytes and a
// CPU for as long as a person hardly notices; the rest wait a moment, and past that are refused.
//
// Threads    fully safe. A Slot may be given up on any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>

#include "granary/base/status.h"

namespace granary::security {

struct HashGateOptions {
  std::size_t at_once = 2;
  std::size_t waiting_max = 64;
  std::chrono::milliseconds wait_max{5'000};
};

class HashGate {
 public:
  explicit HashGate(HashGateOptions options) : options_(options) {}

  class Slot {
   public:
    explicit Slot(HashGate* gate) : gate_(gate) {}
    Slot(Slot&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (gate_ != nullptr) gate_->Leave();
    }

   private:
    HashGate* gate_;
  };

  /// kOverloaded when waiting_max wait already, or none came free in wait_max.
  Result<Slot> Enter();

 private:
  void Leave();

  const HashGateOptions options_;
  std::mutex mutex_;
  std::condition_variable left_;
  std::size_t running_ = 0;  // Guarded by mutex_, as what follows.
  std::size_t waiting_ = 0;
};

}  // namespace granary::security
