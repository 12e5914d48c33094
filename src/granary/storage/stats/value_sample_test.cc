#include "granary/storage/stats/value_sample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace granary::storage {
namespace {

/// Of 0, 1, …, count - 1, passed in pieces.
std::vector<std::uint64_t> SampleOf(std::uint64_t count, std::uint64_t piece) {
  ValueSample<std::uint64_t> sample;
  for (std::uint64_t start = 0; start < count; start += piece) {
    sample.Pass(std::min(piece, count - start), [&](std::uint64_t i) { return start + i; });
  }
  EXPECT_EQ(sample.passed(), count);
  return sample.values();
}

TEST(ValueSampleTest, AShortStreamIsTakenWhole) {
  EXPECT_EQ(SampleOf(0, 1).size(), 0u);
  EXPECT_EQ(SampleOf(1, 1).size(), 1u);
  EXPECT_EQ(SampleOf(kShortSampleMax - 1, 7).size(), kShortSampleMax - 1);
}

TEST(ValueSampleTest, HoldsBetweenItsLeastAndItsMostOfALongOne) {
  for (const std::uint64_t count : {512u, 513u, 2047u, 2048u, 2049u, 16'383u, 16'384u, 16'385u}) {
    const auto sample = SampleOf(count, 1000);
    EXPECT_GE(sample.size(), kShortSampleMax / 2) << count;
    EXPECT_LE(sample.size(), kSampleMax) << count;
  }
  for (const std::uint64_t count : {131'072u, 300'000u, 1'000'000u}) {
    const auto sample = SampleOf(count, 65'536);
    EXPECT_GE(sample.size(), kSampleMax / 2 - 1) << count;
    EXPECT_LE(sample.size(), kSampleMax) << count;
    EXPECT_TRUE(std::is_sorted(sample.begin(), sample.end())) << "in the order of the stream";
  }
}

TEST(ValueSampleTest, BeginsWithLongStretchesWhereManyAreExpected) {
  for (const std::uint64_t count : {0u, 1u, 511u, 512u, 20'000u, 32'768u, 131'072u, 1'000'000u}) {
    ValueSample<std::uint64_t> sample;
    sample.Expect(count);
    std::uint64_t taken = 0;
    sample.Pass(count, [&](std::uint64_t i) { return ++taken, i; });
    EXPECT_EQ(taken, sample.values().size()) << "none was taken in vain";
    EXPECT_NEAR(static_cast<double>(taken), static_cast<double>(SampleOf(count, 1000).size()), 1.0);
    sample.Pass(3 * count, [&](std::uint64_t i) { return count + i; });
    EXPECT_LE(sample.values().size(), kSampleMax) << "more may come";
    EXPECT_TRUE(std::is_sorted(sample.values().begin(), sample.values().end()));
  }
}

TEST(ValueSampleTest, DoesNotDependOnHowTheStreamIsCut) {
  EXPECT_EQ(SampleOf(50'000, 50'000), SampleOf(50'000, 1));
  EXPECT_EQ(SampleOf(50'000, 50'000), SampleOf(50'000, 777));
}

/// Ranks within a sorted stream err by a stretch, not by the square root of the sample.
TEST(ValueSampleTest, IsSpreadEvenlyOverTheStream) {
  constexpr std::uint64_t kCount = 100'000;
  const auto sample = SampleOf(kCount, 4096);
  const double share = static_cast<double>(sample.size()) / kCount;
  for (std::uint64_t rank = 1000; rank < kCount; rank += 1000) {
    const auto below = std::lower_bound(sample.begin(), sample.end(), rank) - sample.begin();
    EXPECT_NEAR(static_cast<double>(below), share * static_cast<double>(rank), 3) << rank;
  }
}

/// A period of the stream does not meet one of the sample.
TEST(ValueSampleTest, EachPlaceInAPeriodIsAsLikely) {
  for (const std::uint64_t period : {2u, 7u, 8u, 16u, 64u}) {
    const auto sample = SampleOf(100'000, 100'000);
    std::vector<double> found(period);
    for (const std::uint64_t value : sample) ++found[value % period];
    const double mean = static_cast<double>(sample.size()) / static_cast<double>(period);
    for (const double count : found) EXPECT_NEAR(count, mean, 5 * std::sqrt(mean)) << period;
  }
}

}  // namespace
}  // namespace granary::storage
