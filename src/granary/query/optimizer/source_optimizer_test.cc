// Goal: the cheapest way is taken, the others are kept with their costs, and no estimate, however
// wrong, makes a choice that cannot be carried out.
#include "granary/query/optimizer/source_optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "granary/query/optimizer/filter_order.h"
#include "granary/query/optimizer/parallel_degree.h"
#include "granary/testing/seed.h"

namespace granary::query {
namespace {

using Kind = Predicate::Kind;

constexpr ColumnId kName = 1, kAmount = 2, kDay = 3;

Predicate Leaf(Kind kind, ColumnId column, std::int64_t value) {
  Predicate leaf;
  leaf.kind = kind;
  leaf.column = column;
  leaf.type = TypeKind::kInt64;
  leaf.values = {Value(value)};
  return leaf;
}
Predicate NameIs() { return Leaf(Kind::kEqual, kName, 5); }
Predicate AmountFrom() { return Leaf(Kind::kGreaterEqual, kAmount, 5); }
Predicate AmountTo() { return Leaf(Kind::kLess, kAmount, 50); }
Predicate DayIs() { return Leaf(Kind::kEqual, kDay, 3); }

TEST(IndexQuestionsTest, AnAndAsksForBothEndsOfAColumnTogether) {
  const IndexQuestions asked = QuestionsOf(Predicate::And({AmountFrom(), NameIs(), AmountTo()}));
  ASSERT_EQ(asked.questions.size(), 2u);
  EXPECT_EQ(asked.Alternatives().size(), 2u);
  const IndexQuestion& range = asked.questions[1];
  EXPECT_EQ(range.kind, IndexQuestion::Kind::kRange);
  EXPECT_EQ(range.low, Value(std::int64_t{5}));
  EXPECT_EQ(range.high, Value(std::int64_t{50}));
}

TEST(IndexQuestionsTest, AnOrAsksOnlyWhenEveryPartDoes) {
  EXPECT_FALSE(QuestionsOf(Predicate::Or({NameIs(), DayIs()})).empty());
  EXPECT_TRUE(QuestionsOf(Predicate::Or({NameIs(), Predicate::Not(DayIs())})).empty());
  EXPECT_TRUE(QuestionsOf(Predicate::Not(NameIs())).empty());
  Predicate nothing = NameIs();
  nothing.values.clear();  // = null
  EXPECT_TRUE(QuestionsOf(nothing).empty());
  Predicate inside = NameIs();
  inside.path = {"a"};
  EXPECT_TRUE(QuestionsOf(inside).empty());
}

/// A source of one segment, to choose for.
struct Setting {
  explicit Setting(Predicate of) : predicate(std::move(of)), questions(QuestionsOf(predicate)) {
    shape.filters = true;
    shape.checks = CheckWork(predicate);
    shape.filter.numbers = 1;
    shape.rest.numbers = 2;
    indexes.assign(questions.questions.size(), {.hash = true, .btree = true});
    named.assign(questions.questions.size(), 0.5);
    facts.rows = 1'000'000;
    facts.row_groups = 8;
    facts.matches = 0.25;
  }
  SegmentChoice Choose() {
    facts.indexes = indexes;
    facts.named = named;
    SourceOptimizer optimizer(shape, questions, model, choosing);
    if (forced) optimizer.Force(*forced);
    const SegmentChoice choice = optimizer.Choose(facts);
    choices = std::move(optimizer).Finish();
    return choice;
  }

  Predicate predicate;
  IndexQuestions questions;
  AccessShape shape;
  CostModel model;
  Choosing choosing = Choosing::kByCost;
  std::optional<Way> forced;
  std::vector<QuestionIndexes> indexes;
  std::vector<double> named;
  SegmentFacts facts;
  SourceChoices choices;
};

TEST(IndexQuestionsTest, AFilterOfTooManyQuestionsAsksNone) {
  for (const std::size_t count :
       {kIndexQuestionsMax - 1, kIndexQuestionsMax, kIndexQuestionsMax + 1}) {
    std::vector<Predicate> parts;
    for (std::size_t i = 0; i < count; ++i)
      parts.push_back(Leaf(Kind::kEqual, kName, static_cast<std::int64_t>(i)));
    EXPECT_EQ(QuestionsOf(Predicate::Or(std::move(parts))).empty(), count > kIndexQuestionsMax)
        << count;
  }
}

TEST(SourceOptimizerTest, SegmentsThatAreAlikeArePlannedOnceAndCountedEach) {
  Setting one(NameIs());
  one.named = {1e-4}, one.facts.matches = 1e-4;
  const SegmentChoice alone = one.Choose();
  SourceOptimizer optimizer(one.shape, one.questions, one.model, Choosing::kByCost);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(optimizer.Choose(one.facts).way, alone.way);
  SegmentFacts larger = one.facts;
  larger.rows += larger.rows / 50;
  EXPECT_NEAR(optimizer.Choose(larger).rows, alone.rows * 1.02, 1e-9);
  SegmentFacts whole = one.facts;
  whole.all_match = whole.by_metadata = true;
  EXPECT_EQ(optimizer.Choose(whole).way, kMetadata);
  SegmentFacts plain = one.facts;
  plain.indexes = {};
  plain.named = {};
  EXPECT_EQ(optimizer.Choose(plain).way, kScan);
  const SourceChoices all = std::move(optimizer).Finish();
  EXPECT_EQ(all.classes.size(), 3u);
  ASSERT_EQ(all.groups.size(), 3u);
  EXPECT_EQ(all.groups[0].segments, 1001u);
  EXPECT_NEAR(all.groups[0].ns, 1001 * alone.ns, 1e-6 * all.groups[0].ns);
  EXPECT_NEAR(all.groups[0].rows, 1001.02 * alone.rows, 1e-6 * all.groups[0].rows);
}

TEST(SourceOptimizerTest, OfSegmentsThatAreAlikeEachIsAskedWhetherItIsCached) {
  Setting one(NameIs());
  one.model.pick_value_ns = 2000;
  const auto way_when = [&](bool cached) {
    SourceOptimizer optimizer(one.shape, one.questions, one.model, Choosing::kByCost);
    SegmentFacts facts = one.facts;
    facts.cached = cached;
    return optimizer.Choose(facts).way;
  };
  // So many rows in so many row groups that it hangs on that.
  const auto hangs_on_it = [&] {
    for (const std::uint64_t groups : {8, 64, 512}) {
      for (double share = 1e-6; share < 1; share *= 1.2) {
        one.named = {share};
        one.facts.matches = share;
        one.facts.row_groups = groups;
        one.facts.indexes = one.indexes;
        one.facts.named = one.named;
        if (way_when(true) != way_when(false)) return true;
      }
    }
    return false;
  };
  ASSERT_TRUE(hangs_on_it());
  SourceOptimizer optimizer(one.shape, one.questions, one.model, Choosing::kByCost);
  int asked = 0;
  for (const bool cached : {true, false, true, true, false}) {
    const SegmentChoice choice = optimizer.Choose(one.facts, [&] {
      ++asked;
      return cached;
    });
    EXPECT_EQ(choice.way, way_when(cached));
  }
  EXPECT_EQ(asked, 5);
}

TEST(SourceOptimizerTest, FewRowsComeFromTheIndexAndManyFromAScan) {
  Setting setting(NameIs());
  setting.named = {1e-5}, setting.facts.matches = 1e-5;
  const SegmentChoice few = setting.Choose();
  EXPECT_EQ(few.way, kSingle);
  EXPECT_EQ(setting.choices.groups.at(0).path, AccessPath::kHashIndex);
  ASSERT_EQ(setting.choices.rejected.size(), 1u);
  EXPECT_EQ(setting.choices.rejected[0].way, kScan);
  EXPECT_GT(setting.choices.rejected[0].ns, setting.choices.ns);
  EXPECT_GE(few.picked_max, 20u);

  setting.named = {0.5}, setting.facts.matches = 0.5;
  EXPECT_EQ(setting.Choose().way, kScan);
  EXPECT_EQ(setting.choices.rejected.at(0).way, kSingle);
}

TEST(SourceOptimizerTest, ASecondIndexIsAskedWhileItSavesMoreThanItCosts) {
  Setting setting(Predicate::And({NameIs(), DayIs()}));
  setting.named = {0.002, 0.002}, setting.facts.matches = 4e-6;
  setting.facts.cached = true;
  const SegmentChoice both = setting.Choose();
  EXPECT_EQ(both.way, kCombined);
  EXPECT_EQ(setting.choices.probes.at(static_cast<std::size_t>(both.probe)).questions.size(), 2u);

  // One row is enough to look at: the other index, which would name many, is asked, and paid for,
  // only if it is not one.
  const double cost_of_both = both.ns;
  setting.named = {1e-6, 0.2}, setting.facts.matches = 1e-6;
  const SegmentChoice one = setting.Choose();
  const Probe& probe = setting.choices.probes.at(static_cast<std::size_t>(one.probe));
  EXPECT_EQ(probe.questions, (std::vector<std::uint16_t>{0, 1}));
  EXPECT_EQ(probe.enough.at(0), 0u);
  EXPECT_GT(probe.enough.at(1), 100u);
  EXPECT_LT(probe.enough.at(1), 1'000'000u);
  EXPECT_LT(one.ns, cost_of_both);
}

TEST(SourceOptimizerTest, WhereEverythingIsToBeReadAnIndexIsAskedFirstForASmallPartOfThat) {
  Setting setting(NameIs());
  setting.named = {0.5}, setting.facts.matches = 0.5, setting.facts.cached = true;
  const SegmentChoice insured = setting.Choose();
  EXPECT_EQ(insured.way, kScan);
  ASSERT_GE(insured.probe, 0);
  EXPECT_EQ(setting.choices.groups.at(0).path, AccessPath::kColumnCache);
  // What may be named costs a few hundredths of the scan.
  EXPECT_GT(insured.found_max, 100u);
  EXPECT_LT(static_cast<double>(insured.found_max) * setting.model.index_row_ns, insured.ns / 20);

  // A scan of few rows is over sooner.
  setting.facts.rows = 1000, setting.facts.row_groups = 1;
  EXPECT_EQ(setting.Choose().probe, -1);

  setting.facts.rows = 1'000'000, setting.facts.row_groups = 8;
  setting.forced = kScan;
  EXPECT_EQ(setting.Choose().probe, -1);
  setting.forced.reset();
  setting.choosing = Choosing::kPlain;
  EXPECT_EQ(setting.Choose().probe, -1);
}

TEST(SourceOptimizerTest, AnInsuredUnionAsksAllItsParts) {
  Setting setting(Predicate::Or({NameIs(), DayIs()}));
  setting.named = {0.4, 0.4}, setting.facts.matches = 0.7, setting.facts.cached = true;
  const SegmentChoice choice = setting.Choose();
  EXPECT_EQ(choice.way, kScan);
  ASSERT_GE(choice.probe, 0);
  EXPECT_EQ(setting.choices.probes.at(static_cast<std::size_t>(choice.probe)).questions.size(), 2u);
}

TEST(SourceOptimizerTest, PastAFullLimitASegmentIsPlannedAsIfItWereReadAndCostsNothing) {
  Setting setting(NameIs());
  setting.shape.limit = 10;
  setting.named = {1e-5}, setting.facts.matches = 1e-5;
  setting.facts.indexes = setting.indexes, setting.facts.named = setting.named;
  SourceOptimizer optimizer(setting.shape, setting.questions, setting.model, Choosing::kByCost);
  const SegmentChoice first = optimizer.Choose(setting.facts);
  EXPECT_GT(first.ns, 0);
  const SegmentChoice second = optimizer.Choose(setting.facts);
  EXPECT_EQ(second.rows, 0);
  EXPECT_EQ(second.ns, 0);
  EXPECT_EQ(second.way, first.way);
}

TEST(SourceOptimizerTest, TheOneThatLeavesFewestIsAskedFirst) {
  Setting setting(Predicate::And({NameIs(), DayIs()}));
  setting.named = {0.004, 0.001}, setting.facts.matches = 4e-6, setting.facts.cached = true;
  const SegmentChoice choice = setting.Choose();
  ASSERT_EQ(choice.way, kCombined);
  EXPECT_EQ(setting.choices.probes.at(static_cast<std::size_t>(choice.probe)).questions,
            (std::vector<std::uint16_t>{1, 0}));
}

TEST(SourceOptimizerTest, AUnionNeedsAnIndexForEachPart) {
  Setting setting(Predicate::Or({NameIs(), DayIs()}));
  setting.named = {1e-5, 1e-5}, setting.facts.matches = 2e-5;
  const SegmentChoice choice = setting.Choose();
  EXPECT_EQ(choice.way, kSingle);
  EXPECT_EQ(setting.choices.probes.at(static_cast<std::size_t>(choice.probe)).questions.size(), 2u);
  setting.indexes[1] = {};
  EXPECT_EQ(setting.Choose().way, kScan);
}

TEST(SourceOptimizerTest, WhatStatisticsAnswerIsNotRead) {
  Setting setting(NameIs());
  setting.facts.all_match = true, setting.facts.by_metadata = true;
  EXPECT_EQ(setting.Choose().way, kMetadata);
  EXPECT_EQ(setting.choices.groups.at(0).path, AccessPath::kMetadata);
  setting.choosing = Choosing::kPlain;
  EXPECT_EQ(setting.Choose().way, kMetadata);
}

TEST(SourceOptimizerTest, TheFirstRowsOfAnOrderComeFromTheTree) {
  Setting setting(NameIs());
  setting.facts.all_match = true, setting.facts.first_by_index = true;
  setting.shape.first = 10;
  setting.shape.per_match_ns = setting.model.order_row_ns;
  EXPECT_EQ(setting.Choose().way, kFirst);
  setting.shape.first = 900'000;
  EXPECT_EQ(setting.Choose().way, kScan);
}

TEST(SourceOptimizerTest, APlainPlanAsksNoIndex) {
  Setting setting(NameIs());
  setting.named = {1e-6}, setting.facts.matches = 1e-6;
  setting.choosing = Choosing::kPlain;
  EXPECT_EQ(setting.Choose().way, kScan);
  EXPECT_TRUE(setting.choices.rejected.empty());
}

TEST(SourceOptimizerTest, ALimitThatIsSoonFullMakesAScanCheap) {
  Setting setting(AmountFrom());
  setting.named = {0.05}, setting.facts.matches = 0.05;
  const double all = (setting.Choose(), setting.choices.ns);
  setting.shape.limit = 10;
  EXPECT_EQ(setting.Choose().way, kScan);
  EXPECT_LT(setting.choices.ns, all / 4);
  EXPECT_LE(setting.choices.rows, 10);
}

TEST(SourceOptimizerTest, NoPlanThatWasKeptIsCheaperThanTheChosenOneByMoreThanATie) {
  const std::uint64_t seed = testing::SeedFromEnvironment();
  std::mt19937_64 random(seed);
  const auto share = [&] { return std::pow(10.0, -static_cast<double>(random() % 70) / 10); };
  const Predicate predicates[] = {NameIs(), Predicate::And({NameIs(), DayIs()}),
                                  Predicate::Or({NameIs(), DayIs()}),
                                  Predicate::And({NameIs(), AmountFrom(), DayIs()}),
                                  Predicate::And({Predicate::Or({NameIs(), DayIs()}), AmountTo()})};
  for (int i = 0; i < 2000; ++i) {
    Setting setting(predicates[random() % std::size(predicates)]);
    setting.facts.rows = 1 + random() % 5'000'000;
    setting.facts.row_groups = 1 + setting.facts.rows / 131'072;
    if (random() % 2 == 0) setting.facts.cached = random() % 2 == 0;
    if (random() % 3 == 0) setting.shape.limit = random() % 1000;
    setting.facts.matches = 1;
    for (std::size_t q = 0; q < setting.named.size(); ++q) {
      setting.named[q] = share();
      setting.facts.matches = std::min(setting.facts.matches, setting.named[q]);
      setting.indexes[q] = {random() % 2 == 0, random() % 2 == 0, random() % 2 == 0};
    }
    setting.Choose();
    // Costs that are shown are of columns that are not cached where nobody knows.
    if (!setting.facts.cached) continue;
    for (const Alternative& other : setting.choices.rejected) {
      ASSERT_GE(other.ns + setting.model.tie_ns, setting.choices.ns) << "seed " << seed;
    }
  }
}

TEST(SourceOptimizerTest, WrongEstimatesAndModelsMakeChoicesThatCanBeCarriedOut) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double wrong : {nan, infinity, -infinity, -1.0, 0.0, 1e300, 1000.0}) {
    for (const bool in_model : {false, true}) {
      Setting setting(Predicate::And({NameIs(), Predicate::Or({DayIs(), AmountFrom()})}));
      if (in_model) {
        setting.model.chunk_ns = setting.model.index_row_ns = setting.model.tie_ns = wrong;
        setting.model.check_number_ns = setting.model.pick_value_ns = wrong;
        setting.model = Sound(setting.model);
      } else {
        setting.facts.matches = wrong;
        setting.named.assign(setting.named.size(), wrong);
      }
      const SegmentChoice choice = setting.Choose();
      EXPECT_LT(choice.way, kWays);
      EXPECT_LT(choice.probe, static_cast<int>(setting.choices.probes.size()));
      if (choice.probe >= 0) {
        EXPECT_GE(choice.picked_max, 256u);
      }
      EXPECT_LT(choice.group, setting.choices.groups.size());
    }
  }
}

TEST(SourceOptimizerTest, AForcedWayIsTakenWhereItIsPossible) {
  Setting setting(NameIs());
  setting.named = {1e-6}, setting.facts.matches = 1e-6;
  setting.forced = kScan;
  EXPECT_EQ(setting.Choose().way, kScan);
  setting.forced = kMetadata;
  EXPECT_EQ(setting.Choose().way, kScan);
}

TEST(FilterOrderTest, CheapAndDecisivePartsComeFirst) {
  EXPECT_LT(RankInAnd({1, 0.01}), RankInAnd({1, 0.9}));
  EXPECT_LT(RankInAnd({1, 0.5}), RankInAnd({100, 0.5}));
  EXPECT_LT(RankInAnd({10, 0.001}), RankInAnd({1, 0.999}));
  EXPECT_LT(RankInOr({1, 0.9}), RankInOr({1, 0.01}));
}

TEST(ParallelDegreeTest, SmallWorkStaysOnOneWorker) {
  const CostModel model;
  EXPECT_EQ(ParallelDegree(20'000, 10, 8, model).workers, 1u);
  EXPECT_EQ(ParallelDegree(1e9, 10, 8, model).workers, 8u);
  EXPECT_EQ(ParallelDegree(1e9, 3, 8, model).workers, 3u);
  EXPECT_EQ(ParallelDegree(1e9, 0, 8, model).workers, 1u);
  EXPECT_EQ(ParallelDegree(std::numeric_limits<double>::quiet_NaN(), 10, 8, model).workers, 8u);
}

/// What page indexes leave, and how often that was asked.
struct Pages {
  std::optional<PageFacts> known;
  int asked = 0;
};
SegmentChoice ChooseByPages(Setting& setting, Pages& pages) {
  setting.indexes.assign(setting.indexes.size(), {});
  setting.facts.indexes = setting.indexes;
  setting.facts.named = setting.named;
  setting.facts.matches = 0.01;
  setting.facts.pages = PagesOfSorted(setting.facts, 20'000);
  setting.shape.comparisons = 2;
  SourceOptimizer optimizer(setting.shape, setting.questions, setting.model, setting.choosing);
  const SegmentChoice choice = optimizer.Choose(
      setting.facts, [] { return false; },
      [&] {
        ++pages.asked;
        return pages.known;
      });
  setting.choices = std::move(optimizer).Finish();
  return choice;
}

TEST(SourceOptimizerTest, PagesAreTheWayWhileTheyMayLieSideBySide) {
  Setting setting(AmountFrom());
  Pages unknown;
  const SegmentChoice choice = ChooseByPages(setting, unknown);
  EXPECT_EQ(choice.way, kPages);
  EXPECT_EQ(unknown.asked, 1);
  EXPECT_LE(choice.examined, 60'000);
  EXPECT_EQ(setting.choices.groups.at(0).path, AccessPath::kPageIndex);
  EXPECT_EQ(setting.choices.groups.at(0).pages_total, 50);
  EXPECT_EQ(setting.choices.rejected.at(0).way, kScan);
}

TEST(SourceOptimizerTest, PagesThatLeaveEverythingAreNotTheWayOnceThatIsKnown) {
  Setting setting(AmountFrom());
  Pages scattered{PageFacts{.rows = 1'000'000, .kept = 50, .total = 50, .row_groups = 8}};
  EXPECT_EQ(ChooseByPages(setting, scattered).way, kScan);
  ASSERT_FALSE(setting.choices.rejected.empty());
  EXPECT_EQ(setting.choices.rejected.at(0).way, kPages);
  EXPECT_EQ(setting.choices.rejected.at(0).pages_kept, 50);
  Pages few{PageFacts{.rows = 20'000, .kept = 1, .total = 50, .row_groups = 1}};
  EXPECT_EQ(ChooseByPages(setting, few).way, kPages);
  EXPECT_EQ(setting.choices.groups.at(0).pages_kept, 1);
}

TEST(SourceOptimizerTest, PagesAreNotLookedAtWhereAnIndexIsCheaperOrNothingIsChosen) {
  Setting setting(AmountFrom());
  setting.choosing = Choosing::kPlain;
  Pages pages;
  EXPECT_EQ(ChooseByPages(setting, pages).way, kScan);
  EXPECT_EQ(pages.asked, 0);
}

TEST(AccessFactsTest, SortedRowsLieInFewPagesAndNeverInMoreThanThereAre) {
  SegmentFacts facts{.rows = 1'000'000, .row_groups = 8, .matches = 0.1};
  PageFacts pages = PagesOfSorted(facts, 20'000);
  EXPECT_EQ(pages.total, 50);
  EXPECT_EQ(pages.kept, 6);
  EXPECT_EQ(pages.rows, 120'000);
  EXPECT_EQ(pages.row_groups, 1);
  for (const double matches : {0.0, 1.0, -1.0, 7.0}) {
    for (const double page_rows : {0.0, 1.0, 1e9}) {
      facts.matches = matches;
      pages = PagesOfSorted(facts, page_rows);
      EXPECT_LE(pages.kept, pages.total);
      EXPECT_LE(pages.rows, 1'000'000);
      EXPECT_GE(pages.row_groups, 1);
      EXPECT_LE(pages.row_groups, 8);
    }
  }
}

}  // namespace
}  // namespace granary::query
