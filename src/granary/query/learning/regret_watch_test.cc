// Goal: the regret that is kept up record by record is the one that a replay over all of them finds,
// and follows what runs.
#include "granary/query/learning/regret_watch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace granary::query {
namespace {

/// A look-up of `named` of the rows in ten segments that was run one way or the other, on a machine
/// whose prices are `truth`; each timing is off by up to a tenth.
QueryFeedback LookUp(double named, Way ran, const CostModel& truth, std::mt19937& chance) {
  QueryFeedback of;
  of.source = "s";
  of.rows_known = true;
  of.facts.shape.filters = true;
  of.facts.shape.checks[Unit::kCheckText] = 1;
  of.facts.shape.filter.texts = 1;
  of.facts.questions = {{}};
  of.facts.nodes = {{}};
  of.facts.root = 0;
  FactsClass& segments = of.facts.classes.emplace_back();
  segments.segments = 10;
  segments.facts = {.rows = 100'000, .row_groups = 1, .matches = named, .cached = true};
  segments.indexes = {{.hash = true}};
  segments.named = {named};
  of.rows_by_statistics = of.rows_estimated = of.rows = named * 1e6;
  of.rejected = {{.way = ran == kScan ? kSingle : kScan}};
  std::uniform_real_distribution<double> off(0.9, 1.1);
  for (const Unit unit : {Unit::kCachedChunk, Unit::kRowGroup, Unit::kCheckText, Unit::kIndexLookup,
                          Unit::kIndexRow, Unit::kPickChunk, Unit::kPickValue}) {
    QueryFeedback::Operator done;
    done.path = AccessPath::kFullScan;
    done.way = ran;
    done.segments = 10;
    done.work[unit] = 1e5;
    done.ns = done.work.Ns(truth) * off(chance);
    of.operators.push_back(done);
  }
  return of;
}

CostModel Truth(double index_times) {
  CostModel truth;
  for (const Unit unit : {Unit::kIndexLookup, Unit::kIndexRow, Unit::kPickChunk, Unit::kPickValue})
    Price(truth, unit) *= index_times;
  return truth;
}

TEST(RegretWatchTest, IsWhatAReplayOverAllOfThemFinds) {
  for (const double index_times : {0.3, 1.0, 30.0}) {
    std::mt19937 chance(5);
    const CostModel truth = Truth(index_times);
    std::vector<QueryFeedback> history;
    std::uniform_real_distribution<double> named(1e-5, 2e-2);
    for (int i = 0; i < 300; ++i)
      history.push_back(LookUp(named(chance), i % 3 == 0 ? kScan : kSingle, truth, chance));
    RegretWatch watch(HindsightPrices(history, CostModel()), 200);
    for (int i = 0; i < 150; ++i) {
      history.push_back(LookUp(named(chance), i % 2 == 0 ? kScan : kSingle, truth, chance));
      watch.Learn(history.back());
      watch.Judge(history.back());
    }
    const std::vector<QueryFeedback> live(history.end() - 150, history.end());
    const ReplayResult kept = watch.result();
    const ReplayResult all = ReplayAsRun(live, HindsightPrices(history, CostModel()));
    EXPECT_EQ(kept.queries, all.queries);
    EXPECT_EQ(kept.queries, 150u);
    EXPECT_EQ(kept.same_choice, 1);
    EXPECT_NEAR(kept.regret_mean / all.regret_mean, 1, 0.03) << index_times;
    EXPECT_NEAR(kept.regret_p95 / all.regret_p95, 1, 0.06) << index_times;
  }
}

TEST(RegretWatchTest, TheLastOnesCountAndThoseThatCannotBeJudgedAreAmongThem) {
  std::mt19937 chance(5);
  const CostModel truth = Truth(30);  // The index is the wrong choice.
  RegretWatch watch(truth, 10);
  EXPECT_EQ(watch.result().queries, 0u);
  EXPECT_EQ(watch.result().regret_mean, 1);
  for (int i = 0; i < 9; ++i) watch.Judge(LookUp(6e-3, kSingle, truth, chance));
  EXPECT_EQ(watch.records(), 9u);
  EXPECT_GT(watch.result().regret_mean, 1.5);
  QueryFeedback alone = LookUp(6e-3, kSingle, truth, chance);
  alone.rejected.clear();
  watch.Judge(alone);
  EXPECT_EQ(watch.result().queries, 9u);
  EXPECT_EQ(watch.result().left_out, 1u);
  for (int i = 0; i < 10; ++i) watch.Judge(LookUp(6e-3, kScan, truth, chance));
  EXPECT_EQ(watch.records(), 10u);
  EXPECT_EQ(watch.result().queries, 10u);
  EXPECT_NEAR(watch.result().regret_mean, 1, 1e-9);
}

TEST(RegretWatchTest, FollowsAMachineThatGetsSlower) {
  std::mt19937 chance(5);
  RegretWatch watch(CostModel(), 50);
  const CostModel slower = Truth(30);
  for (int i = 0; i < 200; ++i) {
    const QueryFeedback record = LookUp(6e-3, kSingle, slower, chance);
    watch.Learn(record);
    watch.Judge(record);
  }
  EXPECT_GT(watch.result().regret_mean, 1.5) << "by the prices of before it was the best plan";
}

TEST(RegretWatchTest, WhatLiesChangesNothing) {
  std::mt19937 chance(5);
  RegretWatch watch(CostModel(), 50);
  for (const double lie :
       {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    QueryFeedback record = LookUp(6e-3, kSingle, CostModel(), chance);
    for (QueryFeedback::Operator& each : record.operators) each.ns = lie;
    for (int i = 0; i < 100; ++i) watch.Learn(record);
  }
  watch.Judge(LookUp(1e-4, kSingle, CostModel(), chance));
  EXPECT_NEAR(watch.result().regret_mean, 1, 1e-9);
}

}  // namespace
}  // namespace granary::query
