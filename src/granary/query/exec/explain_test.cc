// Goal: a plan says what was chosen, over what, and what it really took.
#include "granary/query/exec/explain.h"

#include <gtest/gtest.h>

#include "granary/query/exec/access_plan.h"
#include "granary/query/exec/kept_aggregates.h"
#include "granary/query/exec/query_test_support.h"

namespace granary::query {
namespace {

using storage::IndexKind;

constexpr ColumnId kId = 1, kName = 2;

SchemaPtr TestSchema() {
  return SchemaOf(
      {{"id", TypeKind::kInt64}, {"name", TypeKind::kString}, {"amount", TypeKind::kFloat64}});
}

std::vector<Row> SomeRows(std::int64_t first, std::int64_t count) {
  std::vector<Row> rows;
  for (std::int64_t i = first; i < first + count; ++i)
    rows.push_back(
        {Value(i), Value("n" + std::to_string(i % 500)), Value(static_cast<double>(i % 97))});
  return rows;
}

Filter Where(std::string column, Operator op, Literal literal) {
  Filter filter;
  filter.kind = Filter::Kind::kCompare;
  filter.column = std::move(column);
  filter.op = op;
  filter.literal = std::move(literal);
  filter.pointer = "/filters/" + filter.column;
  return filter;
}
Literal Number(std::string text) { return {Literal::Kind::kNumber, false, std::move(text), {}}; }
Literal Text(std::string text) { return {Literal::Kind::kString, false, std::move(text), {}}; }

class ExplainTest : public ::testing::Test {
 protected:
  ExplainTest() {
    source_.AddIndex({kName, IndexKind::kHash});
    source_.AddSegment(SomeRows(0, 5000));
    source_.AddSegment(SomeRows(5000, 5000));
    source_.AddHot(SomeRows(10'000, 100));
  }
  QueryContext Context() { return {.pool = pool_, .parallelism = 2, .cancel = {}}; }
  Explanation Search(const SearchRequest& request, Analyze analyze) {
    return Must(ExplainSearch(request, {source_.snapshot()}, Context(), analyze));
  }

  TestSource source_{"s", TestSchema()};
  runtime::WorkerPool pool_{{.threads = 2}};
};

const PlanStep* FindStep(const PlanStep& step, std::string_view name) {
  if (step.name == name) return &step;
  for (const PlanStep& below : step.steps) {
    if (const PlanStep* found = FindStep(below, name)) return found;
  }
  return nullptr;
}

TEST_F(ExplainTest, APointLookUpIsByItsIndexAndTheScanIsRejected) {
  SearchRequest request;
  request.filter = Where("name", Operator::kEq, Text("n41"));
  request.limit = 100;
  const Explanation out = Search(request, Analyze::kNo);
  EXPECT_EQ(out.plan.name, "search");
  const PlanStep* index = FindStep(out.plan, "hash_index");
  ASSERT_NE(index, nullptr);
  EXPECT_NE(index->detail.find("name = n41"), std::string::npos) << index->detail;
  EXPECT_FALSE(out.plan.actual.has_value());
  ASSERT_FALSE(out.rejected.empty());
  EXPECT_NE(out.rejected[0].plan.find("read every segment"), std::string::npos);
  EXPECT_FALSE(out.rejected[0].reason.empty());
  EXPECT_EQ(out.model_version, CostModel().version);
  EXPECT_FALSE(out.pruning.by_index.has_value());
}

TEST_F(ExplainTest, AnalyzeRunsTheQueryAndCountsItsRows) {
  SearchRequest request;
  request.filter = Where("name", Operator::kEq, Text("n41"));
  const Explanation out = Search(request, Analyze::kRun);
  ASSERT_TRUE(out.plan.actual.has_value());
  EXPECT_EQ(out.plan.actual->rows, 21);  // Ten a segment, one hot.
  EXPECT_GT(out.plan.actual->ms, 0);
  const PlanStep* index = FindStep(out.plan, "hash_index");
  ASSERT_NE(index, nullptr);
  EXPECT_EQ(index->actual->rows, 20);
  EXPECT_GT(index->actual->ms, 0);
  const PlanStep* hot = FindStep(out.plan, "hot");
  ASSERT_NE(hot, nullptr);
  EXPECT_EQ(hot->actual->rows, 1);
  EXPECT_EQ(out.pruning.by_index, 0u);
}

TEST_F(ExplainTest, SaysWhatWasPrunedAndWhy) {
  SearchRequest request;
  request.filter = Where("id", Operator::kLt, Number("10"));
  const Explanation out = Search(request, Analyze::kRun);
  EXPECT_EQ(out.pruning.segments_total, 2u);
  EXPECT_EQ(out.pruning.by_statistics, 1u);
  ASSERT_EQ(out.pruning.segments.size(), 1u);
  EXPECT_EQ(out.pruning.segments[0].by, "statistics");
  EXPECT_NE(out.pruning.segments[0].reason.find("5000"), std::string::npos)
      << out.pruning.segments[0].reason;
  EXPECT_EQ(out.plan.actual->rows, 10);
}

TEST_F(ExplainTest, AnOrderRanksKeysAndFetchesTheRest) {
  SearchRequest request;
  request.order_by = {{"amount", Direction::kDescending, "/order_by/0"}};
  request.limit = 7;
  const Explanation out = Search(request, Analyze::kRun);
  EXPECT_EQ(out.plan.name, "top_n");
  EXPECT_EQ(out.plan.actual->rows, 7);
  EXPECT_EQ(out.plan.estimated.rows, 7);
  ASSERT_NE(FindStep(out.plan, "fetch"), nullptr);
}

TEST_F(ExplainTest, NothingIsPlannedForNoRows) {
  SearchRequest request;
  request.limit = 0;
  for (const Analyze analyze : {Analyze::kNo, Analyze::kRun}) {
    const Explanation out = Search(request, analyze);
    EXPECT_EQ(out.plan.estimated.rows, 0);
    EXPECT_TRUE(out.plan.steps.empty());
  }
}

TEST_F(ExplainTest, AnAggregateSaysWhatStatisticsAndKeptStatesAnswer) {
  AggregateRequest count;
  count.aggregations = {{.type = AggregateType::kCount, .alias = "n"}};
  const Explanation whole =
      Must(ExplainAggregate(count, {source_.snapshot()}, Context(), Analyze::kRun));
  ASSERT_NE(FindStep(whole.plan, "metadata"), nullptr);
  EXPECT_EQ(FindStep(whole.plan, "metadata")->actual->rows, 10'000);
  EXPECT_EQ(whole.plan.actual->rows, 1);

  AggregateRequest by_name = count;
  by_name.group_by = {{"name", {}, "name", "/group_by/0"}};
  KeptAggregates kept({.rows_min = 1});
  QueryContext context = Context();
  context.kept = &kept;
  const Explanation first =
      Must(ExplainAggregate(by_name, {source_.snapshot()}, context, Analyze::kRun));
  EXPECT_EQ(FindStep(first.plan, "partial_cache"), nullptr);
  EXPECT_EQ(first.plan.actual->rows, 500);
  const Explanation again =
      Must(ExplainAggregate(by_name, {source_.snapshot()}, context, Analyze::kRun));
  const PlanStep* merged = FindStep(again.plan, "partial_cache");
  ASSERT_NE(merged, nullptr);
  EXPECT_EQ(merged->actual->rows, 500);
  EXPECT_EQ(again.plan.actual->rows, 500);
  EXPECT_FALSE(again.rejected.empty());
}

TEST_F(ExplainTest, WithoutTheOptimizerThereIsOnePlan) {
  OptimizerOptions off;
  off.enabled = false;
  QueryContext context = Context();
  context.optimizer = &off;
  SearchRequest request;
  request.filter = Where("name", Operator::kEq, Text("n41"));
  const Explanation out =
      Must(ExplainSearch(request, {source_.snapshot()}, context, Analyze::kRun));
  EXPECT_TRUE(out.rejected.empty());
  ASSERT_NE(FindStep(out.plan, "full_scan"), nullptr);
  EXPECT_EQ(FindStep(out.plan, "full_scan")->actual->rows, 20);
  EXPECT_EQ(out.plan.actual->rows, 21);
}

}  // namespace
}  // namespace granary::query
