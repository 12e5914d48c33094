// A clock that moves only when the test moves it. Threads: fully safe.
#pragma once

#include <atomic>
#include <cstdint>

#include "granary/io/clock.h"

namespace granary::testing {

class FakeClock final : public io::Clock {
 public:
  /// 2024-01-15T00:00:00Z unless told otherwise.
  explicit FakeClock(std::int64_t wall_us = 1'705'276'800'000'000) : wall_us_(wall_us) {}

  std::int64_t WallMicros() const override { return wall_us_.load(); }
  std::int64_t MonotonicNanos() const override { return monotonic_ns_.load(); }

  /// Moves both clocks on.
  void AdvanceMicros(std::int64_t us) {
    wall_us_ += us;
    monotonic_ns_ += us * 1000;
  }
  /// Sets the wall clock, backwards too, as an administrator or NTP may.
  void StepWall(std::int64_t wall_us) { wall_us_ = wall_us; }

 private:
  std::atomic<std::int64_t> wall_us_;
  std::atomic<std::int64_t> monotonic_ns_ = 1'000'000'000;
};

}  // namespace granary::testing
