#include "granary/io/clock.h"

#include <gtest/gtest.h>

#include <set>

namespace granary::io {
namespace {

TEST(SystemClockTest, IsInTheUnitsItSays) {
  const SystemClock clock;
  EXPECT_GT(clock.WallMicros(), 1'700'000'000'000'000);   // November 2023 …
  EXPECT_LT(clock.WallMicros(), 10'000'000'000'000'000);  // … to 2286.
  const std::int64_t before = clock.MonotonicNanos();
  EXPECT_LE(before, clock.MonotonicNanos());
}

TEST(SystemRandomTest, DoesNotRepeatItself) {
  SystemRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.Next64());
  EXPECT_EQ(seen.size(), 1000u);
}

}  // namespace
}  // namespace granary::io
