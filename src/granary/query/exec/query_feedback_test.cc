// Goal: what is to be learned of a query is what it did, and no answer depends on what was learned.
#include "granary/query/exec/query_feedback_of.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/explain.h"
#include "granary/query/exec/find_rows.h"
#include "granary/query/exec/plan_record.h"
#include "granary/query/exec/query_test_support.h"
#include "granary/query/exec/search.h"
#include "granary/query/optimizer/predicate_shape.h"

namespace granary::query {
namespace {

using storage::IndexKind;

constexpr ColumnId kFeedbackName = 2, kFeedbackAmount = 3;

Filter Compares(std::string column, Operator op, Literal literal) {
  Filter filter;
  filter.kind = Filter::Kind::kCompare;
  filter.column = std::move(column);
  filter.op = op;
  filter.literal = std::move(literal);
  return filter;
}
Literal NumberOf(std::string text) { return {Literal::Kind::kNumber, false, std::move(text), {}}; }
Literal TextOf(std::string text) { return {Literal::Kind::kString, false, std::move(text), {}}; }

class QueryFeedbackTest : public ::testing::Test {
 protected:
  QueryFeedbackTest() {
    source_.AddIndex({kFeedbackName, IndexKind::kHash});
    source_.AddIndex({kFeedbackAmount, IndexKind::kBtree});
    std::vector<Row> rows;
    for (std::int64_t i = 0; i < 8000; ++i)
      rows.push_back({Value(i), Value("n" + std::to_string(i % 400)), Value(i * 7919 % 8000)});
    source_.AddSegment(rows, 4000);
  }

  std::vector<QueryFeedback> Run(const SearchRequest& request, OptimizerOptions options = {},
                                 std::uint64_t* found = nullptr) {
    if (options.corrections == nullptr)
      options.corrections = std::make_shared<CardinalityCorrections>();
    PlanRecord record(RecordDetail::kWorked);
    const QueryContext context{
        .pool = pool_, .parallelism = 1, .cancel = {}, .optimizer = &options, .record = &record};
    const auto stats =
        RunSearch(request, {asked_->snapshot()}, context, [&](const ResultBatch& batch) {
          if (found != nullptr) *found += static_cast<std::uint64_t>(batch.batch->num_rows());
          return Status::Ok();
        });
    EXPECT_TRUE(stats.ok()) << stats.status().ToString();
    return FeedbackOf(record, 1234, "m");
  }
  static SearchRequest Find(Filter filter, std::optional<std::uint64_t> limit = std::nullopt) {
    SearchRequest request;
    request.filter = std::move(filter);
    request.limit = limit;
    return request;
  }
  Filter NameIs() { return Compares("name", Operator::kEq, TextOf("n41")); }

  TestSource source_{"s", SchemaOf({{"id", TypeKind::kInt64},
                                    {"name", TypeKind::kString},
                                    {"amount", TypeKind::kInt64}})};
  TestSource* asked_ = &source_;
  runtime::WorkerPool pool_{{.threads = 1}};
};

TEST_F(QueryFeedbackTest, CountsTheWorkOfAScan) {
  OptimizerOptions options;
  options.forced = kScan;
  const auto all = Run(Find(NameIs()), options);
  ASSERT_EQ(all.size(), 1u);
  const QueryFeedback& feedback = all[0];
  EXPECT_EQ(feedback.source, "s");
  EXPECT_EQ(feedback.model_version, "m");
  EXPECT_EQ(feedback.at_us, 1234);
  EXPECT_EQ(feedback.shape_text, "name = ?");
  EXPECT_TRUE(feedback.rows_known);
  EXPECT_EQ(feedback.rows, 20);
  ASSERT_EQ(feedback.operators.size(), 1u);
  const QueryFeedback::Operator& scan = feedback.operators[0];
  EXPECT_GT(scan.ns, 0);
  EXPECT_EQ(scan.work[Unit::kRowGroup], 2);
  EXPECT_EQ(scan.work[Unit::kCheckText], 8000);
  EXPECT_EQ(scan.work[Unit::kCheckNumber], 0);
  EXPECT_EQ(scan.work[Unit::kDecodeText], 8000);
  EXPECT_EQ(scan.work[Unit::kDecodeNumber], 16'000);  // What is shown besides.
  EXPECT_EQ(scan.work[Unit::kChunk], 6);
  EXPECT_EQ(scan.work[Unit::kIndexLookup], 0);
  // Again it comes from the cache.
  const auto again = Run(Find(NameIs()), options);
  EXPECT_EQ(again[0].operators[0].work[Unit::kChunk], 0);
  EXPECT_EQ(again[0].operators[0].work[Unit::kDecodeText], 0);
  EXPECT_EQ(again[0].operators[0].work[Unit::kCachedChunk], 6);
}

TEST_F(QueryFeedbackTest, CountsTheWorkOfAnIndexAndWhatItNamed) {
  OptimizerOptions options;
  options.forced = kSingle;
  const auto all = Run(Find(NameIs()), options);
  const QueryFeedback::Operator& look_up = all.at(0).operators.at(0);
  EXPECT_EQ(look_up.path, AccessPath::kHashIndex);
  EXPECT_EQ(look_up.work[Unit::kIndexLookup], 1);
  EXPECT_EQ(look_up.work[Unit::kIndexRow], 20);
  EXPECT_EQ(look_up.work[Unit::kCheckText], 20);
  EXPECT_GT(look_up.work[Unit::kPickValue], 20);
  ASSERT_EQ(all[0].questions.size(), 1u);
  EXPECT_EQ(all[0].questions[0].rows, 20);
  EXPECT_GT(all[0].questions[0].rows_by_statistics, 0);
  ASSERT_FALSE(all[0].rejected.empty());
  EXPECT_EQ(all[0].rejected[0].way, kScan);
}

// Nothing is known of its columns yet.
TEST_F(QueryFeedbackTest, ASourceWithoutFilesIsSearched) {
  TestSource fresh("s", source_.snapshot().schema);
  asked_ = &fresh;
  fresh.AddIndex({kFeedbackName, IndexKind::kHash});
  fresh.AddHot({{Value(std::int64_t{1}), Value("n41"), Value(std::int64_t{2})}});
  std::uint64_t found = 0;
  EXPECT_EQ(Run(Find(NameIs()), {}, &found).size(), 1u);
  EXPECT_EQ(found, 1u);
}

TEST_F(QueryFeedbackTest, ASearchThatStoppedDoesNotKnowHowManyMatch) {
  EXPECT_FALSE(Run(Find(NameIs(), 5)).at(0).rows_known);
  EXPECT_TRUE(Run(Find(NameIs(), 500)).at(0).rows_known);
  EXPECT_FALSE(Run(Find(Filter(), 500)).at(0).rows_known);  // There is nothing to learn of.
}

TEST_F(QueryFeedbackTest, TheFirstRowsOfAnOrderDoNotTellHowManyMatch) {
  SearchRequest request = Find(NameIs());
  request.order_by = {{"id"}};
  EXPECT_TRUE(Run(request).at(0).rows_known);
  request.limit = 500;  // Morsels with nothing among the first are left out, though none may be.
  EXPECT_FALSE(Run(request).at(0).rows_known);
}

TEST_F(QueryFeedbackTest, HotRowsAreExpectedToBeLikeThoseInSegmentsHoweverManyChunksTheyAreIn) {
  OptimizerOptions options;
  options.forced = kScan;
  const double of_segments = Run(Find(NameIs()), options).at(0).rows_by_statistics;
  for (int chunk = 0; chunk < 8; ++chunk) {
    std::vector<Row> rows;
    for (std::int64_t i = 0; i < 1000; ++i)
      rows.push_back({Value(i), Value("n" + std::to_string(i % 400)), Value(i)});
    source_.AddHot(rows);
  }
  // As many rows again.
  EXPECT_NEAR(Run(Find(NameIs()), options).at(0).rows_by_statistics, 2 * of_segments,
              0.01 * of_segments);
}

TEST_F(QueryFeedbackTest, ADeleteThatLooksTwiceTeachesNothing) {
  PlanRecord record(RecordDetail::kWorked);
  OptimizerOptions options;
  options.corrections = std::make_shared<CardinalityCorrections>();
  const QueryContext context{
      .pool = pool_, .parallelism = 1, .cancel = {}, .optimizer = &options, .record = &record};
  TestSource hot("s", source_.snapshot().schema);
  hot.AddHot({{Value(std::int64_t{1}), Value("n41"), Value(std::int64_t{2})}});
  EXPECT_EQ(Must(FindRows(NameIs(), hot.snapshot(), context)).hot, 1u);
  EXPECT_EQ(Must(FindRows(NameIs(), source_.snapshot(), context)).segments.size(), 1u);
  EXPECT_TRUE(record.sources.empty());
  EXPECT_TRUE(FeedbackOf(record, 1, "m").empty());
}

TEST_F(QueryFeedbackTest, TheFactsAreEnoughToChooseThePlanAgain) {
  SearchRequest request = Find(NameIs());
  request.filter->kind = Filter::Kind::kAnd;
  request.filter->children = {NameIs(), Compares("amount", Operator::kLt, NumberOf("100"))};
  const auto all = Run(request);
  const QueryFeedback& feedback = all.at(0);
  ASSERT_TRUE(AreSound(feedback.facts));
  const SourceChoices again = Replan(feedback.facts, CostModel());
  EXPECT_NEAR(again.ns, feedback.ns_estimated, 1e-6 * feedback.ns_estimated);
  ASSERT_EQ(again.groups.size(), feedback.operators.size());
  EXPECT_EQ(again.groups[0].way, feedback.operators[0].way);
  ASSERT_EQ(again.rejected.size(), feedback.rejected.size());
  for (std::size_t i = 0; i < again.rejected.size(); ++i)
    EXPECT_NEAR(again.rejected[i].ns, feedback.rejected[i].ns, 1e-6 * feedback.rejected[i].ns);
  CostModel dear;  // Indexes cost a fortune.
  dear.index_lookup_ns = 1e9;
  EXPECT_EQ(Replan(feedback.facts, dear).groups.at(0).way, kScan);
}

TEST_F(QueryFeedbackTest, FactsFromOutsideThatContradictThemselvesAreNotSound) {
  const PlanFacts good = Run(Find(NameIs())).at(0).facts;
  ASSERT_TRUE(AreSound(good));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto unsound = [&](auto change) {
    PlanFacts facts = good;
    change(facts);
    return !AreSound(facts);
  };
  EXPECT_TRUE(unsound([](PlanFacts& f) { f.root = 7; }));
  EXPECT_TRUE(unsound([](PlanFacts& f) { f.nodes.at(0).question = 9; }));
  EXPECT_TRUE(unsound([](PlanFacts& f) { f.nodes.at(0).parts = {0}; }));
  EXPECT_TRUE(unsound([](PlanFacts& f) {
    f.nodes.push_back({IndexQuestions::Node::Kind::kAnd, 0, {0, 0}});
  }));
  EXPECT_TRUE(unsound([&](PlanFacts& f) { f.classes.at(0).facts.matches = nan; }));
  EXPECT_TRUE(unsound([](PlanFacts& f) { f.classes.at(0).named = {2}; }));
  EXPECT_TRUE(unsound([](PlanFacts& f) { f.classes.at(0).named.clear(); }));
  EXPECT_TRUE(unsound([](PlanFacts& f) { f.classes.at(0).segments = kFactsSegmentsMax + 1; }));
  EXPECT_TRUE(unsound([](PlanFacts& f) { f.classes.clear(); }));
  EXPECT_TRUE(unsound([&](PlanFacts& f) { f.shape.rest.numbers = -1; }));
  EXPECT_TRUE(unsound([&](PlanFacts& f) { f.shape.per_match_ns = nan; }));
}

TEST_F(QueryFeedbackTest, NoAnswerDependsOnWhatWasLearnedAndExplainNamesIt) {
  const std::uint64_t shape = Run(Find(NameIs())).at(0).shape;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double times : {1e-4, 1e4, nan, -1.0, 0.0, std::numeric_limits<double>::infinity()}) {
    for (const double price : {1.0, 0.0, nan, 1e15, -5.0}) {
      OptimizerOptions options;
      options.corrections = std::make_shared<CardinalityCorrections>(
          std::vector<CardinalityCorrections::Factor>{{shape, times}});
      for (const Coefficient& each : Coefficients()) options.model.*each.ns *= price;
      std::uint64_t found = 0;
      Run(Find(NameIs()), options, &found);
      EXPECT_EQ(found, 20u) << times << " " << price;
    }
  }
  OptimizerOptions options;
  options.distrusted = {"a model"};
  options.corrections = std::make_shared<CardinalityCorrections>(
      std::vector<CardinalityCorrections::Factor>{{shape, 1000}});
  const QueryContext context{.pool = pool_, .parallelism = 1, .cancel = {}, .optimizer = &options};
  const Explanation out =
      Must(ExplainSearch(Find(NameIs()), {source_.snapshot()}, context, Analyze::kRun));
  EXPECT_EQ(out.plan.actual->rows, 20);
  EXPECT_GT(out.plan.estimated.rows, 1000);
  ASSERT_EQ(out.distrusted.size(), 2u);
  EXPECT_EQ(out.distrusted[0], "a model");
  EXPECT_NE(out.distrusted[1].find("name = ?"), std::string::npos) << out.distrusted[1];
  EXPECT_NE(out.distrusted[1].find("1e+03"), std::string::npos) << out.distrusted[1];
}

TEST(PredicateShapeTest, IsThatOfColumnsAndOperatorsAlone) {
  const SchemaPtr schema = SchemaOf({{"a", TypeKind::kInt64}, {"b", TypeKind::kString}});
  const auto shape = [&](const Filter& filter, std::uint64_t source = 1) {
    return ShapeOf(*Must(BindFilter(filter, *schema)), source);
  };
  const Filter one = Compares("a", Operator::kEq, NumberOf("1"));
  const Filter two = Compares("a", Operator::kEq, NumberOf("2"));
  const Filter text = Compares("b", Operator::kEq, TextOf("x"));
  EXPECT_EQ(shape(one), shape(two));
  EXPECT_EQ(WithMagnitude(shape(one), 0.011), WithMagnitude(shape(two), 0.012));
  EXPECT_NE(WithMagnitude(shape(one), 0.01), WithMagnitude(shape(one), 0.001));
  EXPECT_EQ(WithMagnitude(shape(one), 0), WithMagnitude(shape(one), 1e-30));
  EXPECT_NE(shape(one), shape(text));
  EXPECT_NE(shape(one), shape(one, 2));
  EXPECT_NE(shape(one), shape(Compares("a", Operator::kLt, NumberOf("1"))));
  Filter both, turned;
  both.children = {one, text};
  turned.children = {text, two};
  EXPECT_EQ(shape(both), shape(turned));
  EXPECT_EQ(ShapeText(*Must(BindFilter(both, *schema)), *schema), "a = ? AND b = ?");
  turned.kind = Filter::Kind::kOr;
  EXPECT_NE(shape(both), shape(turned));
}

}  // namespace
}  // namespace granary::query
