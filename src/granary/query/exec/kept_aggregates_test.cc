// Goal: with states of whole segments kept, every answer is what it is without, and costs only what
// is new.
#include "granary/query/exec/kept_aggregates.h"

#include <gtest/gtest.h>

#include <cmath>

#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/query_test_support.h"
#include "granary/testing/seed.h"

namespace granary::query {
namespace {

constexpr KeptAggregatesOptions kAll{.bytes_max = 64u << 20, .rows_min = 1};

Aggregation Agg(AggregateType type, std::string column = "") {
  Aggregation aggregation;
  aggregation.type = type;
  aggregation.alias = std::string(AggregateTypeName(type)) + "_" + column;
  if (!column.empty()) aggregation.column = std::move(column);
  aggregation.pointer = "/aggregations/0";
  return aggregation;
}

Filter AtLeast(const std::string& column, std::string number) {
  Filter filter;
  filter.kind = Filter::Kind::kCompare;
  filter.column = column;
  filter.op = Operator::kGte;
  filter.literal = {Literal::Kind::kNumber, false, std::move(number), {}};
  filter.pointer = "/filters/" + column + "/gte";
  return filter;
}

AggregateRequest Ask(std::vector<Aggregation> aggregations, std::vector<std::string> groups = {}) {
  AggregateRequest request;
  request.aggregations = std::move(aggregations);
  for (const std::string& group : groups)
    request.group_by.push_back({group, {}, group, "/group_by/0"});
  return request;
}

class KeptAggregatesTest : public ::testing::Test {
 protected:
  AggregateAnswer Answer(const AggregateRequest& request, const TestSource& source,
                         KeptAggregates* kept) {
    QueryContext context{.pool = pool_, .parallelism = 3, .cancel = {}, .batch_rows = 64};
    context.kept = kept;
    return Must(RunAggregate(request, {source.snapshot()}, context));
  }

  std::vector<Row> Rows(std::size_t count) {
    std::vector<Row> rows;
    for (; count > 0; --count) {
      Row row = {"r" + std::to_string(random_() % 5), static_cast<std::int64_t>(random_() % 1000),
                 static_cast<double>(random_() % 1000) / 8};
      if (random_() % 9 == 0) row[random_() % 3] = {};
      rows.push_back(std::move(row));
    }
    return rows;
  }

  SchemaPtr schema_ =
      SchemaOf({{"region", TypeKind::kString}, {"n", TypeKind::kInt64}, {"f", TypeKind::kFloat64}});
  std::mt19937_64 random_{testing::SeedFromEnvironment()};
  runtime::WorkerPool pool_{{.threads = 3}};
};

bool TookKept(const AggregateAnswer& answer) {
  return answer.stats.access_paths.contains("partial_cache");
}

void ExpectSame(AggregateAnswer got, AggregateAnswer expected) {
  const auto by_text = [](const std::vector<Value>& a, const std::vector<Value>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (const auto order = Compare(a[i], b[i]); order != 0) return order < 0;
    }
    return false;
  };
  std::sort(got.rows.begin(), got.rows.end(), by_text);
  std::sort(expected.rows.begin(), expected.rows.end(), by_text);
  ASSERT_EQ(got.rows.size(), expected.rows.size());
  for (std::size_t row = 0; row < got.rows.size(); ++row) {
    for (std::size_t i = 0; i < got.rows[row].size(); ++i) {
      const Value& a = got.rows[row][i];
      const Value& b = expected.rows[row][i];
      if (std::holds_alternative<double>(a) && std::holds_alternative<double>(b))
        EXPECT_NEAR(std::get<double>(a), std::get<double>(b), 1e-9);
      else
        EXPECT_TRUE(Compare(a, b) == 0) << "row " << row << " column " << i;
    }
  }
}

TEST_F(KeptAggregatesTest, ASecondQuestionReadsOnlyWhatIsNew) {
  TestSource source("s", schema_);
  source.AddSegment(Rows(300), 100);
  KeptAggregates kept(kAll);
  const AggregateRequest request = Ask({Agg(AggregateType::kSum, "f")}, {"region"});
  EXPECT_FALSE(TookKept(Answer(request, source, &kept)));
  auto again = Answer(request, source, &kept);
  EXPECT_TRUE(TookKept(again));
  EXPECT_EQ(again.stats.rows_scanned, 0u);
  source.AddHot(Rows(7));
  EXPECT_EQ(Answer(request, source, &kept).stats.rows_scanned, 7u);
  source.AddSegment(Rows(50), 100);
  EXPECT_EQ(Answer(request, source, &kept).stats.rows_scanned, 57u);
  EXPECT_EQ(Answer(request, source, &kept).stats.rows_scanned, 7u) << "the new segment is kept too";
  ExpectSame(Answer(request, source, &kept), Answer(request, source, nullptr));
}

TEST_F(KeptAggregatesTest, AnotherQuestionIsAnotherEntry) {
  TestSource source("s", schema_);
  source.AddSegment(Rows(300), 100);
  KeptAggregates kept(kAll);
  AggregateRequest request = Ask({Agg(AggregateType::kSum, "f")}, {"region"});
  Answer(request, source, &kept);
  request.limit = 1;
  request.aggregations[0].alias = "other";
  request.order_by = {{"other", Direction::kDescending, "/order_by/0"}};
  EXPECT_TRUE(TookKept(Answer(request, source, &kept))) << "the same states";
  request.filter = AtLeast("n", "10");
  EXPECT_FALSE(TookKept(Answer(request, source, &kept)));
  request.filter = AtLeast("n", "11");
  EXPECT_FALSE(TookKept(Answer(request, source, &kept)));
  request = Ask({Agg(AggregateType::kSum, "n")}, {"region"});
  EXPECT_FALSE(TookKept(Answer(request, source, &kept)));
  request = Ask({Agg(AggregateType::kSum, "f")}, {"n"});
  EXPECT_FALSE(TookKept(Answer(request, source, &kept)));
}

// The sources that a filter leaves out decide on the type of a column that no other one has.
TEST_F(KeptAggregatesTest, StatesOfAnotherTypeAreOthers) {
  TestSource asked("asked", SchemaOf({{"z", TypeKind::kInt64}}));
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 300; ++i) rows.push_back({i % 10});
  asked.AddSegment(rows, 100);
  const TestSource numbers("numbers", SchemaOf({{"x", TypeKind::kInt64}}));
  const TestSource texts("texts", SchemaOf({{"x", TypeKind::kString}}));
  for (const bool grouped : {false, true}) {
    AggregateRequest request = Ask({Agg(AggregateType::kMin, "x"), Agg(AggregateType::kCount)});
    if (grouped) request.group_by = Ask({}, {"x"}).group_by;
    request.filter = AtLeast("z", "5");
    KeptAggregates kept(kAll);
    for (const TestSource* other : {&texts, &numbers, &texts, &numbers}) {
      QueryContext context{.pool = pool_, .parallelism = 3, .cancel = {}, .batch_rows = 64};
      context.kept = &kept;
      const auto answer =
          Must(RunAggregate(request, {asked.snapshot(), other->snapshot()}, context));
      ASSERT_EQ(answer.rows.size(), 1u);
      EXPECT_TRUE(IsNull(answer.rows[0][grouped ? 1 : 0]));
      EXPECT_TRUE(Compare(answer.rows[0][grouped ? 2 : 1], Value(std::int64_t{150})) == 0);
    }
  }
}

TEST_F(KeptAggregatesTest, ASegmentThatIsGoneEndsWhatWasKeptOfIt) {
  TestSource source("s", schema_);
  source.AddSegment(Rows(300), 100);
  KeptAggregates kept(kAll);
  const AggregateRequest request = Ask({Agg(AggregateType::kSum, "f")}, {"region"});
  Answer(request, source, &kept);
  TestSource other("s", schema_);
  EXPECT_FALSE(TookKept(Answer(request, other, &kept)));
}

TEST_F(KeptAggregatesTest, RandomQuestionsGetTheSameAnswers) {
  for (int round = 0; round < 5; ++round) {
    TestSource source("s", schema_);
    KeptAggregates kept(kAll);
    int took = 0;
    for (int step = 0; step < 40; ++step) {
      if (random_() % 3 == 0) source.AddSegment(Rows(1 + random_() % 60), 20);
      if (random_() % 3 == 0) source.AddHot(Rows(1 + random_() % 20));
      const std::vector<AggregateType> types = {AggregateType::kCount,
                                                AggregateType::kSum,
                                                AggregateType::kAvg,
                                                AggregateType::kMin,
                                                AggregateType::kMax,
                                                AggregateType::kStddev,
                                                AggregateType::kFirst,
                                                AggregateType::kLast,
                                                AggregateType::kApproxCountDistinct,
                                                AggregateType::kCountDistinct,
                                                AggregateType::kPercentile};
      AggregateRequest request = Ask({Agg(AggregateType::kCount)});
      request.aggregations.push_back(Agg(types[random_() % types.size()], "n"));
      if (random_() % 2 == 0) request.group_by = Ask({}, {"region"}).group_by;
      if (random_() % 3 == 0) request.filter = AtLeast("n", "500");
      const auto answer = Answer(request, source, &kept);
      took += TookKept(answer) ? 1 : 0;
      ExpectSame(answer, Answer(request, source, nullptr));
    }
    EXPECT_GT(took, 0);
  }
}

TEST_F(KeptAggregatesTest, KeepsToItsBudgetAndGivesBack) {
  TestSource source("s", schema_);
  source.AddSegment(Rows(300), 100);
  runtime::MemoryBudget parent("tenant", 1u << 20);
  KeptAggregates kept({.bytes_max = 256u << 10, .rows_min = 1}, &parent);
  for (int i = 0; i < 200; ++i) {
    AggregateRequest request = Ask({Agg(AggregateType::kSum, "f")}, {"region"});
    request.filter = AtLeast("n", std::to_string(i));
    Answer(request, source, &kept);
    EXPECT_LE(kept.bytes(), 256u << 10);
    EXPECT_EQ(parent.reserved(), kept.bytes());
  }
  EXPECT_GT(kept.bytes(), 0u);
  EXPECT_EQ(parent.TryReserve(1u << 20), nullptr) << "whoever needs it comes first";
  EXPECT_EQ(kept.bytes(), 0u);
  parent.Release(1u << 20);

  KeptAggregates none({.bytes_max = 0, .rows_min = 1});
  const AggregateRequest request = Ask({Agg(AggregateType::kSum, "f")}, {"region"});
  Answer(request, source, &none);
  EXPECT_FALSE(TookKept(Answer(request, source, &none)));
}

TEST_F(KeptAggregatesTest, FewRowsAreNotWorthIt) {
  KeptAggregates kept({.bytes_max = 64u << 20, .rows_min = 300});
  const AggregateRequest request = Ask({Agg(AggregateType::kSum, "f")}, {"region"});
  for (const std::size_t rows : {299u, 300u}) {
    TestSource source("s", schema_);
    source.AddSegment(Rows(rows), 100);
    Answer(request, source, &kept);
    EXPECT_EQ(TookKept(Answer(request, source, &kept)), rows >= 300);
  }
}

}  // namespace
}  // namespace granary::query
