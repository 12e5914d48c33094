// Goal: what units of work cost is found again under noise and outliers, and nothing that is no
// measurement moves it.
#include "granary/query/learning/coefficient_fitter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "granary/testing/seed.h"

namespace granary::query {
namespace {

using Taken = CoefficientFitter::Taken;

/// Work as queries have it: a scan, a look-up, or a scan of cached columns, of any size.
Work RandomWork(std::mt19937_64& random) {
  const auto up_to = [&](double most) {
    return std::floor(std::exp(std::uniform_real_distribution(0.0, std::log(most))(random)));
  };
  Work work;
  const double groups = up_to(50), rows = groups * up_to(20'000);
  work[Unit::kRowGroup] = groups;
  switch (random() % 4) {
    case 0:  // Numbers are decoded and checked.
      work[Unit::kChunk] = work[Unit::kCachedChunk] = groups;
      work[Unit::kDecodeNumber] = work[Unit::kCheckNumber] = rows;
      break;
    case 1:
      work[Unit::kChunk] = work[Unit::kCachedChunk] = groups;
      work[Unit::kDecodeText] = work[Unit::kCheckText] = rows;
      break;
    case 2:
      work[Unit::kCachedChunk] = groups * 3;
      work[random() % 2 == 0 ? Unit::kCheckNumber : Unit::kCheckText] = rows;
      break;
    default:
      work[Unit::kIndexLookup] = up_to(100);
      work[Unit::kIndexRow] = up_to(10'000);
      work[Unit::kPickValue] = work[Unit::kIndexRow] * 2;
      work[Unit::kCachedChunk] = groups;
  }
  return work;
}

constexpr Unit kTaught[] = {Unit::kChunk,       Unit::kDecodeNumber, Unit::kDecodeText,
                            Unit::kRowGroup,    Unit::kCheckNumber,  Unit::kCheckText,
                            Unit::kIndexLookup, Unit::kPickValue,    Unit::kIndexRow};

/// By how much the fitted model is off on new work, as a median factor.
double MedianError(const CostModel& fitted, const CostModel& truth, std::mt19937_64& random) {
  std::vector<double> errors;
  for (int i = 0; i < 500; ++i) {
    const Work work = RandomWork(random);
    errors.push_back(std::abs(std::log(work.Ns(fitted) / work.Ns(truth))));
  }
  std::nth_element(errors.begin(), errors.begin() + 250, errors.end());
  return std::exp(errors[250]);
}

TEST(CoefficientFitterTest, FindsPricesUnderNoiseAndATenthOfOutliers) {
  const std::uint64_t seed = testing::SeedFromEnvironment();
  double off_before = 0, off_after = 0;
  for (std::uint64_t run = 0; run < 20; ++run) {
    SCOPED_TRACE("seed " + std::to_string(seed + run));
    std::mt19937_64 random(seed + run);
    CostModel truth;
    std::normal_distribution<double> off(0, 0.7), noise(0, 0.15);
    for (const Coefficient& each : Coefficients()) truth.*each.ns *= std::exp(off(random));
    CoefficientFitter fitter{CostModel()};
    for (int i = 0; i < 3000; ++i) {
      const Work work = RandomWork(random);
      double ns = work.Ns(truth) * std::exp(noise(random));
      // Who had to wait took up to a hundred times as long.
      if (random() % 10 == 0) ns *= std::exp(std::uniform_real_distribution(0.7, 4.6)(random));
      ASSERT_NE(fitter.Learn(work, ns), Taken::kRefused);
    }
    // A price that happens to be the builtin one cannot be found better than it was: that learning
    // helps shows over all of them.
    const double fitted = MedianError(fitter.model(), truth, random);
    EXPECT_LT(fitted, 1.12);
    off_after += std::log(fitted);
    off_before += std::log(MedianError(CostModel(), truth, random));
    EXPECT_GT(fitter.clipped(), 100u);
    // The greater part of a sum tells what it costs; what is hidden in others stays vague.
    for (const Unit unit : {Unit::kDecodeNumber, Unit::kDecodeText, Unit::kChunk}) {
      const double ratio = Price(fitter.model(), unit) / Price(truth, unit);
      EXPECT_GT(ratio, 0.4) << Coefficients()[static_cast<std::size_t>(unit)].name;
      EXPECT_LT(ratio, 2.5) << Coefficients()[static_cast<std::size_t>(unit)].name;
    }
  }
  EXPECT_LT(off_after, off_before / 3);
}

TEST(CoefficientFitterTest, FollowsAMachineThatChanges) {
  std::mt19937_64 random(7);
  CostModel truth;
  CoefficientFitter fitter(truth);
  for (int i = 0; i < 2000; ++i) {
    const Work work = RandomWork(random);
    fitter.Learn(work, work.Ns(truth));
  }
  for (const Unit unit : kTaught) Price(truth, unit) *= 3;
  Price(truth, Unit::kCachedChunk) *= 3;
  for (int i = 0; i < 2000; ++i) {
    const Work work = RandomWork(random);
    fitter.Learn(work, work.Ns(truth));
  }
  EXPECT_LT(MedianError(fitter.model(), truth, random), 1.2);
}

TEST(CoefficientFitterTest, WhatIsNoMeasurementChangesNothing) {
  CoefficientFitter fitter{CostModel()};
  Work work;
  work[Unit::kChunk] = 3;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double ns : {0.0, -1.0, nan, infinity, -infinity, 2 * CoefficientFitter::kNsMax})
    EXPECT_EQ(fitter.Learn(work, ns), Taken::kRefused) << ns;
  for (const double times : {-1.0, nan, infinity, 2 * CoefficientFitter::kTimesMax}) {
    Work wrong = work;
    wrong[Unit::kRowGroup] = times;
    EXPECT_EQ(fitter.Learn(wrong, 1000), Taken::kRefused) << times;
  }
  EXPECT_EQ(fitter.Learn(Work(), 1000), Taken::kRefused);
  EXPECT_EQ(fitter.refused(), 11u);
  const CostModel builtin;
  for (const Coefficient& each : Coefficients())
    EXPECT_EQ(fitter.model().*each.ns, builtin.*each.ns) << each.name;
}

TEST(CoefficientFitterTest, StaysWithinItsBoundsWhateverItIsTold) {
  CoefficientFitter fitter{CostModel()};
  Work work;
  work[Unit::kChunk] = 1;
  for (int i = 0; i < 5000; ++i) fitter.Learn(work, CoefficientFitter::kNsMax);
  EXPECT_LE(fitter.model().chunk_ns, CostModel().chunk_ns * CoefficientFitter::kBound * 1.000001);
  for (int i = 0; i < 20'000; ++i) fitter.Learn(work, 1e-3);
  EXPECT_GE(fitter.model().chunk_ns, CostModel().chunk_ns / CoefficientFitter::kBound / 1.000001);
}

TEST(CoefficientFitterTest, BeginsWithTheBuiltinPriceWhereItIsGivenNone) {
  CostModel wrong;
  wrong.chunk_ns = -1;
  wrong.pick_value_ns = std::numeric_limits<double>::quiet_NaN();
  const CoefficientFitter fitter(wrong);
  EXPECT_EQ(fitter.model().chunk_ns, CostModel().chunk_ns);
  EXPECT_EQ(fitter.model().pick_value_ns, CostModel().pick_value_ns);
}

TEST(CoefficientsTest, AreInTheOrderOfUnitsAndFoundByName) {
  EXPECT_EQ(Coefficients()[static_cast<std::size_t>(Unit::kChunk)].name, "chunk_ns");
  EXPECT_EQ(Coefficients()[static_cast<std::size_t>(Unit::kPickValue)].name, "pick_value_ns");
  EXPECT_EQ(Coefficients()[static_cast<std::size_t>(Unit::kWorker)].name, "worker_ns");
  EXPECT_EQ(FindUnit("index_row_ns"), Unit::kIndexRow);
  EXPECT_EQ(FindUnit("tie_ns"), std::nullopt);
}

}  // namespace
}  // namespace granary::query
