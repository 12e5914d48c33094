#include "granary/testing/seed.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <string>

#include "granary/testing/fake_random.h"

namespace granary::testing {
namespace {

constexpr const char* kName = "GRANARY_SEED_OF_A_TEST";

TEST(SeedTest, PrintsWhatItReturnsAndAcceptsItBack) {
  ::unsetenv(kName);
  ::testing::internal::CaptureStdout();
  const std::uint64_t seed = SeedFromEnvironment(kName);
  const std::string printed = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(printed, fmt::format("{}={}\n", kName, seed));
  ::setenv(kName, std::to_string(seed).c_str(), 1);
  EXPECT_EQ(SeedFromEnvironment(kName), seed);
  ::unsetenv(kName);
}

TEST(SeedDeathTest, ATypoStopsTheRun) {
  ::setenv(kName, "12x", 1);
  EXPECT_DEATH(SeedFromEnvironment(kName), "12x");
  ::unsetenv(kName);
}

TEST(FakeRandomTest, ASeedReplays) {
  FakeRandom a(7);
  FakeRandom b(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.Next64(), b.Next64());
  EXPECT_EQ(FakeRandom(1234567).Next64(), 6457827717110365317u);  // The published first value.
}

TEST(FakeRandomTest, StaysInsideItsBounds) {
  FakeRandom random(1);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_LT(random.Below(3), 3u);
    const std::int64_t n = random.Between(-2, 2);
    EXPECT_TRUE(n >= -2 && n <= 2) << n;
    (void)random.Between(std::numeric_limits<std::int64_t>::min(),
                         std::numeric_limits<std::int64_t>::max());
  }
}

}  // namespace
}  // namespace granary::testing
