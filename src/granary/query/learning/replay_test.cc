// Goal: a model that chooses worse plans has more regret, one that corrects estimates has less, and
// what cannot be replayed is left out.
#include "granary/query/learning/replay.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace granary::query {
namespace {

constexpr std::uint64_t kShape = 7, kAsked = 9;

/// A look-up in ten segments of which so large a share of the rows is named, by statistics; really
/// it was `actual`. What ran was a scan, and it told what things cost.
QueryFeedback LookUp(double named, double actual) {
  QueryFeedback of;
  of.source = "s";
  of.shape = kShape;
  of.rows_known = true;
  PlanFacts& facts = of.facts;
  facts.shape.filters = true;
  facts.shape.checks[Unit::kCheckText] = 1;
  facts.shape.filter.texts = 1;
  facts.shape.rest.numbers = 2;
  facts.questions = {{}};
  facts.nodes = {{}};
  facts.root = 0;
  FactsClass& segments = facts.classes.emplace_back();
  segments.segments = 10;
  segments.facts = {.rows = 100'000, .row_groups = 1, .matches = named, .cached = true};
  segments.indexes = {{.hash = true}};
  segments.named = {named};
  of.rows_by_statistics = of.rows_estimated = named * 1e6;
  of.rows = actual * 1e6;
  of.questions = {
      {.shape = kAsked, .text = "", .rows_by_statistics = named * 1e6, .rows = of.rows}};
  of.rejected = {{.way = kSingle}};
  // Work that tells each price by itself.
  for (const Unit unit : {Unit::kCachedChunk, Unit::kRowGroup, Unit::kCheckText, Unit::kIndexLookup,
                          Unit::kIndexRow, Unit::kPickChunk, Unit::kPickValue}) {
    QueryFeedback::Operator done;
    done.segments = 10;
    done.work[unit] = 1e5;
    done.ns = done.work.Ns(CostModel());
    of.operators.push_back(done);
  }
  return of;
}

LearnedModel With(double index_times) {
  LearnedModel model;
  for (const Unit unit : {Unit::kIndexLookup, Unit::kIndexRow, Unit::kPickChunk, Unit::kPickValue})
    Price(model.costs, unit) *= index_times;
  return model;
}

TEST(ReplayTest, AModelThatChoosesWorsePlansHasMoreRegret) {
  const std::vector<QueryFeedback> records(40, LookUp(1e-4, 1e-4));
  const CostModel hindsight = HindsightPrices(records, CostModel());
  const ReplayResult right = Replay(records, With(1), hindsight);
  EXPECT_EQ(right.queries, 40u);
  EXPECT_DOUBLE_EQ(right.regret_mean, 1);
  EXPECT_EQ(right.same_choice, 0);  // A scan ran.
  const ReplayResult wrong = Replay(records, With(90), hindsight);
  EXPECT_GT(wrong.regret_mean, 3);
  EXPECT_EQ(wrong.same_choice, 1);
  EXPECT_DOUBLE_EQ(ReplayAsRun(records, hindsight).regret_mean, wrong.regret_mean);
}

TEST(ReplayTest, TheWayThatRanIsThatOfMostSegmentsThoughInSeveralGroups) {
  std::vector<QueryFeedback> records(40, LookUp(1e-4, 1e-4));
  const CostModel hindsight = HindsightPrices(records, CostModel());
  const double scanned = ReplayAsRun(records, hindsight).regret_mean;
  ASSERT_GT(scanned, 3);
  for (QueryFeedback& of : records) {
    for (QueryFeedback::Operator& each : of.operators) each.segments = 0;
    of.operators[0].way = kSingle;
    of.operators[0].segments = 4;
    of.operators[1].segments = of.operators[2].segments = 3;
  }
  EXPECT_DOUBLE_EQ(ReplayAsRun(records, hindsight).regret_mean, scanned);
}

TEST(ReplayTest, HindsightFindsThePricesThatQueriesPaid) {
  std::vector<QueryFeedback> records(100, LookUp(1e-4, 1e-4));
  for (QueryFeedback& of : records)
    for (QueryFeedback::Operator& each : of.operators) each.ns *= 3;
  const CostModel hindsight = HindsightPrices(records, CostModel());
  EXPECT_NEAR(hindsight.check_text_ns, 3 * CostModel().check_text_ns, 0.3);
  EXPECT_NEAR(hindsight.index_lookup_ns, 3 * CostModel().index_lookup_ns, 300);
}

TEST(ReplayTest, CorrectionsOfTheModelAreUsedAndThoseOfThenAreNot) {
  // Statistics say everything is named; it is hardly anything.
  std::vector<QueryFeedback> records(40, LookUp(1, 1e-5));
  const CostModel hindsight = HindsightPrices(records, CostModel());
  EXPECT_GT(Replay(records, With(1), hindsight).regret_mean, 3);
  LearnedModel corrected = With(1);
  ShapeTable shapes;
  for (int i = 0; i < 5; ++i) {
    shapes.Learn(kShape, "", 1e6, 10);
    shapes.Learn(kAsked, "", 1e6, 10);
  }
  corrected.shapes = shapes.shapes();
  EXPECT_DOUBLE_EQ(Replay(records, corrected, hindsight).regret_mean, 1);
  // The same queries, planned by a node that had corrected them.
  for (QueryFeedback& of : records) {
    of.correction = of.questions[0].correction = 1e-5;
    of.facts.classes[0].facts.matches = of.facts.classes[0].named[0] = 1e-5;
  }
  EXPECT_DOUBLE_EQ(Replay(records, corrected, hindsight).regret_mean, 1);
  EXPECT_GT(Replay(records, With(1), hindsight).regret_mean, 3);
}

TEST(ReplayTest, WhatHadNoChoiceOrLiesIsLeftOut) {
  std::vector<QueryFeedback> records(3, LookUp(1e-4, 1e-4));
  records[0].rejected.clear();
  records[1].facts.root = 12;
  records[2].facts.classes[0].named = {std::numeric_limits<double>::quiet_NaN()};
  const ReplayResult result = Replay(records, With(1), CostModel());
  EXPECT_EQ(result.queries, 0u);
  EXPECT_EQ(result.left_out, 3u);
  EXPECT_EQ(result.regret_mean, 1);
}

}  // namespace
}  // namespace granary::query
