#include "granary/services/monitoring/series_budget.h"

#include <gtest/gtest.h>

namespace granary::services {
namespace {

Scrape Of(std::string node, std::int64_t at_us, std::string_view metrics) {
  Scrape out{.target = {"tenant-node", "", std::move(node)}, .at_us = at_us};
  out.metrics = ReadExposition(metrics);
  return out;
}

TEST(SeriesBudgetTest, LetsNoNodeHaveMoreSeriesThanSoMany) {
  SeriesBudget budget(3);
  Scrape first = Of("a", 1, "m{x=\"1\"} 1\nm{x=\"2\"} 1\nn 1\no 1\n");
  EXPECT_EQ(budget.Trim(first), 1u);
  EXPECT_EQ(first.metrics.Find("o"), nullptr);
  EXPECT_EQ(first.metrics.Find("m")->samples.size(), 2u);
  // Those that it has stay, new ones do not come in, however often it tries.
  for (int i = 0; i < 100; ++i) {
    Scrape next = Of("a", 2 + i, "m{x=\"9" + std::to_string(i) + "\"} 1\nm{x=\"1\"} 2\nn 3\n");
    EXPECT_EQ(budget.Trim(next), 1u);
    ASSERT_EQ(next.metrics.Find("m")->samples.size(), 1u);
    EXPECT_EQ(next.metrics.Find("m")->samples[0].value, 2);
    EXPECT_EQ(next.metrics.Find("n")->samples[0].value, 3);
  }
  // Another node has its own.
  Scrape other = Of("b", 1, "m{x=\"9\"} 1\nn 1\no 1\n");
  EXPECT_EQ(budget.Trim(other), 0u);
}

TEST(SeriesBudgetTest, WhatWasNotSeenForAnHourMakesRoom) {
  SeriesBudget budget(1);
  Scrape first = Of("a", 0, "m 1\n");
  EXPECT_EQ(budget.Trim(first), 0u);
  Scrape early = Of("a", SeriesBudget::kForgetUs, "n 1\n");
  EXPECT_EQ(budget.Trim(early), 1u);
  Scrape late = Of("a", SeriesBudget::kForgetUs + 1, "n 1\n");
  EXPECT_EQ(budget.Trim(late), 0u);
}

TEST(SeriesBudgetTest, ANodeThatIsGoneIsForgotten) {
  SeriesBudget budget(1);
  Scrape first = Of("a", 0, "m 1\n");
  budget.Trim(first);
  budget.Keep({});
  Scrape again = Of("a", 1, "n 1\n");
  EXPECT_EQ(budget.Trim(again), 0u);
}

}  // namespace
}  // namespace granary::services
