// Time and randomness as values one can fake.
#pragma once

#include <cstdint>

namespace granary::io {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t WallMicros() const = 0;      ///< Since the Unix epoch, UTC; may step.
  virtual std::int64_t MonotonicNanos() const = 0;  ///< Never goes back.
};

/// The machine's clocks. Threads: fully safe.
class SystemClock final : public Clock {
 public:
  std::int64_t WallMicros() const override;
  std::int64_t MonotonicNanos() const override;
};

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t Next64() = 0;
};

/// The kernel's generator (getrandom). Threads: fully safe.
class SystemRandom final : public Random {
 public:
  std::uint64_t Next64() override;
};

}  // namespace granary::io
