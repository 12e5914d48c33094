// A generator that a seed replays. Threads: fully safe (but then the order is the scheduler's).
// Source: splitmix64, by Sebastiano Vigna; public domain.
#pragma once

#include <atomic>
#include <cstdint>

#include "granary/base/check.h"
#include "granary/io/clock.h"

namespace granary::testing {

class FakeRandom final : public io::Random {
 public:
  explicit FakeRandom(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next64() override {
    std::uint64_t z = state_.fetch_add(kStep) + kStep;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  /// From 0 up to, and without, `end`.
  std::uint64_t Below(std::uint64_t end) {
    GRANARY_CHECK(end > 0);
    return Next64() % end;
  }
  /// From `first` to `last`, both of them too.
  std::int64_t Between(std::int64_t first, std::int64_t last) {
    GRANARY_CHECK(first <= last, "first={} last={}", first, last);
    const std::uint64_t span = static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first);
    const std::uint64_t step = span + 1 == 0 ? Next64() : Below(span + 1);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + step);
  }
  /// True once in `n` times.
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }

 private:
  static constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15;
  std::atomic<std::uint64_t> state_;
};

}  // namespace granary::testing
