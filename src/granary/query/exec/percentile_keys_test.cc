// Goal: keys order as the numbers do, and a percentile picked out of them is the one that sorting
// all numbers finds.
#include "granary/query/exec/percentile_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "granary/testing/seed.h"

namespace granary::query {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");

TEST(PercentileKeysTest, OrderAsTheNumbersDo) {
  const std::vector<double> ascending = {-kInfinity, -1e308, -1.5,  -1,    -1e-310,   0,
                                         5e-324,     0.25,   0.251, 1e308, kInfinity, kNan};
  for (std::size_t i = 0; i + 1 < ascending.size(); ++i)
    EXPECT_LT(PercentileKeyOf(ascending[i]), PercentileKeyOf(ascending[i + 1])) << ascending[i];
  for (std::size_t i = 0; i + 1 < ascending.size(); ++i)
    EXPECT_EQ(NumberOfPercentileKey(PercentileKeyOf(ascending[i])), ascending[i]);
  EXPECT_TRUE(std::isnan(NumberOfPercentileKey(PercentileKeyOf(kNan))));
  EXPECT_EQ(PercentileKeyOf(-0.0), PercentileKeyOf(0.0));
  EXPECT_EQ(PercentileKeyOf(-kNan), PercentileKeyOf(kNan));
}

double OfSorted(const std::vector<double>& sorted, double p) {
  const double position = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const double part = position - std::floor(position);
  if (part == 0 || sorted[below] == sorted[below + 1]) return sorted[below];
  return sorted[below] + (sorted[below + 1] - sorted[below]) * part;
}

TEST(PercentileKeysTest, SeveralPercentilesAtOnceAreThoseOfTheSortedValues) {
  std::mt19937_64 random(testing::SeedFromEnvironment());
  for (int round = 0; round < 300; ++round) {
    const std::size_t count = 1 + random() % 50;
    const int distinct = 1 + static_cast<int>(random() % 20);
    std::vector<double> values;
    std::vector<std::uint64_t> keys;
    for (std::size_t i = 0; i < count; ++i) {
      values.push_back((static_cast<double>(random() % static_cast<unsigned>(distinct)) - 5) * 0.3);
      keys.push_back(PercentileKeyOf(values.back()));
    }
    std::sort(values.begin(), values.end());
    std::vector<double> ps = {0, 1, 0.5};
    for (int i = 0; i < 5; ++i) ps.push_back(static_cast<double>(random() % 1001) / 1000);
    std::shuffle(ps.begin(), ps.end(), random);
    std::vector<double> picked(ps.size());
    PickPercentiles(ps, keys, picked);
    for (std::size_t i = 0; i < ps.size(); ++i) EXPECT_EQ(picked[i], OfSorted(values, ps[i]));
  }
}

TEST(PercentileKeysTest, InfinitiesAndNanArePickedAsTheyAre) {
  std::vector<std::uint64_t> keys;
  for (const double value : {kNan, kInfinity, 1.0, kInfinity, -kInfinity})
    keys.push_back(PercentileKeyOf(value));
  const std::vector<double> ps = {0, 0.25, 0.5, 0.6, 1};
  std::vector<double> picked(ps.size());
  PickPercentiles(ps, keys, picked);
  EXPECT_EQ(picked[0], -kInfinity);
  EXPECT_EQ(picked[1], 1);
  EXPECT_EQ(picked[2], kInfinity);
  EXPECT_EQ(picked[3], kInfinity);  // Between two infinities.
  EXPECT_TRUE(std::isnan(picked[4]));
}

}  // namespace
}  // namespace granary::query
