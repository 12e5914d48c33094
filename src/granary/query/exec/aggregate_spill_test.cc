// Goal: an aggregate with a tiny share of memory gives the answer that it gives with any, to the
// last bit and in the same order; and however it ends, memory and disk are given back.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/spill_test_support.h"
#include "granary/testing/seed.h"

namespace granary::query {
namespace {

AggregateRequest RandomRequest(Random& random) {
  static const std::vector<std::pair<AggregateType, std::optional<std::string>>> kAll = {
      {AggregateType::kCount, std::nullopt},
      {AggregateType::kCount, "f"},
      {AggregateType::kSum, "n"},
      {AggregateType::kSum, "f"},
      {AggregateType::kSum, "d"},
      {AggregateType::kSum, "j"},
      {AggregateType::kAvg, "f"},
      {AggregateType::kMin, "key"},
      {AggregateType::kMax, "j"},
      {AggregateType::kApproxCountDistinct, "key"},
      {AggregateType::kCountDistinct, "n"},
      {AggregateType::kCountDistinct, "j"},
      {AggregateType::kCountDistinct, "d"},
      {AggregateType::kCountDistinct, "key"},
      {AggregateType::kCountDistinct, "f"},
      {AggregateType::kCountDistinct, "at"},
      {AggregateType::kPercentile, "f"},
      {AggregateType::kPercentile, "n"},
      {AggregateType::kPercentile, "d"},
      {AggregateType::kPercentile, "j"},
      {AggregateType::kApproxPercentile, "f"},
      {AggregateType::kStddev, "f"},
      {AggregateType::kFirst, "key"},
      {AggregateType::kLast, "n"},
      {AggregateType::kMax, "at"},
      {AggregateType::kAny, "d"}};
  static const std::vector<const char*> kGroups = {"key", "n", "f", "j", "at"};
  AggregateRequest request;
  for (std::size_t n = random() % 3; n > 0; --n) {
    const std::string column = kGroups[random() % kGroups.size()];
    const std::string alias = "g" + std::to_string(n);
    GroupBy group{column, {}, alias, "/group_by/0"};
    if (column == "at") group.transform = DatePart::kHour;
    request.group_by.push_back(std::move(group));
  }
  for (std::size_t n = 1 + random() % 4; n > 0; --n) {
    const auto [type, column] = kAll[random() % kAll.size()];
    Aggregation aggregation;
    aggregation.type = type;
    aggregation.column = column;
    aggregation.alias = "a" + std::to_string(n);
    aggregation.p = static_cast<double>(random() % 101) / 100;
    aggregation.pointer = "/aggregations/0";
    request.aggregations.push_back(aggregation);
  }
  if (random() % 2 == 0)
    request.order_by.push_back(
        {"a1", random() % 2 == 0 ? Direction::kAscending : Direction::kDescending, "/order_by/0"});
  if (random() % 2 == 0) request.limit = random() % 2000;
  return request;
}

std::string Bytes(const std::vector<std::vector<Value>>& rows) {
  std::string bytes;
  for (const auto& row : rows) {
    for (const Value& value : row) EncodeValue(value, bytes);
  }
  return bytes;
}

/// All rows through a sink that holds none of the query's share.
Result<AggregateAnswer> Ask(const AggregateRequest& request, const TwoSources& sources,
                            const QueryContext& context) {
  AggregateAnswer answer;
  auto stats = RunAggregate(request, sources.snapshots(), context,
                            [&](const std::vector<AggregateColumn>& columns, auto rows) {
                              answer.columns = columns;
                              for (auto& row : rows) answer.rows.push_back(std::move(row));
                              return Status::Ok();
                            });
  if (!stats.ok()) return stats.status();
  answer.stats = stats.Take();
  return answer;
}

TEST(AggregateSpillTest, RandomRequestsGiveTheSameAnswerWithATinyShare) {
  Random random(testing::SeedFromEnvironment());
  int spilled = 0;
  for (int round = 0; round < 3; ++round) {
    const auto sources = RandomSources(random, 9000);
    for (int i = 0; i < 24; ++i) {
      const AggregateRequest request = RandomRequest(random);
      SpillEnv large, tiny(kTinyShare);
      const AggregateAnswer expected = Must(Ask(request, *sources, large.context()));
      const AggregateAnswer got = Must(Ask(request, *sources, tiny.context()));
      ASSERT_EQ(got.rows.size(), expected.rows.size());
      ASSERT_EQ(Bytes(got.rows), Bytes(expected.rows));
      EXPECT_EQ(got.stats.rows_scanned, expected.stats.rows_scanned);
      EXPECT_EQ(expected.stats.spilled_bytes, 0u);
      // Past the share only by a row group a worker.
      EXPECT_LE(tiny.share.peak(), kTinyShare + 3 * runtime::MemoryReservation::kSmallStepBytes);
      ExpectNothingHeld(tiny);
      EXPECT_EQ(tiny.space.bytes_total(), got.stats.spilled_bytes);
      spilled += got.stats.spilled_bytes > 0;
    }
  }
  EXPECT_GT(spilled, 18);
}

AggregateRequest CountByKey(AggregateType type = AggregateType::kCount,
                            std::optional<std::string> column = std::nullopt) {
  AggregateRequest request;
  request.group_by.push_back({"key", {}, "key", "/group_by/0"});
  request.aggregations.push_back(
      {.type = type, .column = column, .alias = "a", .pointer = "/aggregations/0"});
  return request;
}

TEST(AggregateSpillTest, HavingAndOrderHoldAcrossParts) {
  Random random(testing::SeedFromEnvironment());
  const auto sources = RandomSources(random, 9000);
  AggregateRequest request = CountByKey();
  request.order_by.push_back({"a", Direction::kDescending, "/order_by/0"});
  request.having = Filter{};
  request.having->kind = Filter::Kind::kCompare;
  request.having->column = "a";
  request.having->op = Operator::kGte;
  request.having->literal = {Literal::Kind::kNumber, false, "3", {}};
  request.having->pointer = "/having/a/gte";
  SpillEnv large, tiny(kTinyShare);
  const AggregateAnswer expected = Must(Ask(request, *sources, large.context()));
  const AggregateAnswer got = Must(Ask(request, *sources, tiny.context()));
  EXPECT_GT(got.stats.spilled_bytes, 0u);
  EXPECT_GT(got.rows.size(), 0u);
  EXPECT_EQ(Bytes(got.rows), Bytes(expected.rows));
}

Aggregation Agg(AggregateType type, std::optional<std::string> column, std::string alias,
                double p = 0.5) {
  Aggregation aggregation;
  aggregation.type = type;
  aggregation.column = std::move(column);
  aggregation.alias = std::move(alias);
  aggregation.p = p;
  aggregation.pointer = "/aggregations/0";
  return aggregation;
}

/// One group that holds more values than fit, among others of a few; a float, a string and a
/// decimal for each row, of which many are the same.
std::unique_ptr<TestSource> OneLargeGroup(Random& random, std::size_t rows) {
  auto source = std::make_unique<TestSource>("s", SchemaOf({{"key", TypeKind::kString},
                                                            {"f", TypeKind::kFloat64},
                                                            {"s", TypeKind::kString},
                                                            {"d", DataType::Decimal(38, 4)}}));
  static const std::vector<double> kOdd = {0.0,
                                           -0.0,
                                           std::nan(""),
                                           -std::nan(""),
                                           1e308,
                                           -1e308,
                                           std::numeric_limits<double>::infinity(),
                                           -std::numeric_limits<double>::infinity()};
  std::vector<Row> some;
  for (std::size_t i = 0; i < rows; ++i) {
    const bool is_large = random() % 8 != 0;
    const double f = random() % 10 == 0  ? kOdd[random() % kOdd.size()]
                     : random() % 4 == 0 ? 7.5
                                         : static_cast<double>(random() % 1'000'000) / 1000 - 300;
    some.push_back({is_large ? Value("large") : Value(std::to_string(random() % 900)),
                    Maybe(random, f), Maybe(random, "text-" + std::to_string(random() % rows)),
                    Maybe(random, static_cast<Int128>(random() % rows) << 64)});
    if (some.size() == 3000) {
      source->AddSegment(std::exchange(some, {}), 1000);
    }
  }
  if (!some.empty()) source->AddHot(some);
  return source;
}

/// All that holds values, and some that do not.
AggregateRequest AllThatHoldValues() {
  AggregateRequest request;
  request.aggregations = {Agg(AggregateType::kCountDistinct, "f", "df"),
                          Agg(AggregateType::kSum, "f", "sum"),
                          Agg(AggregateType::kPercentile, "f", "p50"),
                          Agg(AggregateType::kCountDistinct, "s", "ds"),
                          Agg(AggregateType::kPercentile, "f", "p99", 0.99),
                          Agg(AggregateType::kPercentile, "f", "p0", 0),
                          Agg(AggregateType::kApproxPercentile, "f", "p100", 1),
                          Agg(AggregateType::kPercentile, "d", "pd", 0.123),
                          Agg(AggregateType::kCountDistinct, "d", "dd"),
                          Agg(AggregateType::kStddev, "d", "stddev"),
                          Agg(AggregateType::kCountDistinct, "s", "again"),
                          Agg(AggregateType::kCount, std::nullopt, "rows")};
  return request;
}

RunInEnv Asking(const AggregateRequest& request, const TestSource& source) {
  return [&](const QueryContext& context) {
    return RunAggregate(request, {source.snapshot()}, context,
                        [](const auto&, auto) { return Status::Ok(); })
        .status();
  };
}

TEST(AggregateSpillTest, ValuesOfAllRowsWithoutGroupsNeedNotFit) {
  Random random(testing::SeedFromEnvironment());
  const auto source = OneLargeGroup(random, 60'000);
  const AggregateRequest request = AllThatHoldValues();
  SpillEnv large, tiny(kTinyShare);
  const AggregateAnswer expected =
      Must(RunAggregate(request, {source->snapshot()}, large.context()));
  const AggregateAnswer got = Must(RunAggregate(request, {source->snapshot()}, tiny.context()));
  ASSERT_EQ(got.rows.size(), 1u);
  EXPECT_EQ(Bytes(got.rows), Bytes(expected.rows));
  EXPECT_EQ(expected.stats.spilled_bytes, 0u);
  EXPECT_GT(got.stats.spilled_bytes, 0u);
  EXPECT_EQ(tiny.space.bytes_total(), got.stats.spilled_bytes);
  EXPECT_LE(tiny.share.peak(), kTinyShare + 3 * runtime::MemoryReservation::kSmallStepBytes);
  ExpectNothingHeld(tiny);
}

TEST(AggregateSpillTest, ValuesOfALargeGroupAmongOthersNeedNotFit) {
  Random random(testing::SeedFromEnvironment());
  const auto source = OneLargeGroup(random, 60'000);
  AggregateRequest request = AllThatHoldValues();
  request.group_by.push_back({"key", {}, "key", "/group_by/0"});
  SpillEnv large, tiny(kTinyShare);
  const AggregateAnswer expected =
      Must(RunAggregate(request, {source->snapshot()}, large.context()));
  AggregateAnswer got;
  got.stats =
      Must(RunAggregate(request, {source->snapshot()}, tiny.context(), [&](const auto&, auto rows) {
        for (auto& row : rows) got.rows.push_back(std::move(row));
        return Status::Ok();
      }));
  EXPECT_GT(got.rows.size(), 800u);
  EXPECT_EQ(Bytes(got.rows), Bytes(expected.rows));
  EXPECT_GT(got.stats.spilled_bytes, 0u);
  EXPECT_LE(tiny.share.peak(), kTinyShare + 3 * runtime::MemoryReservation::kSmallStepBytes);
  ExpectNothingHeld(tiny);
}

// More than can be told apart by cuts, and a value that is most of all.
TEST(AggregateSpillTest, PercentilesOfValuesThatAreAllTheSameOrNearlySo) {
  TestSource source("s", SchemaOf({{"f", TypeKind::kFloat64}}));
  std::vector<Row> rows(80'000, Row{1.25});
  source.AddSegment(rows, 10'000);
  for (int i = 0; i < 1000; ++i) rows[static_cast<std::size_t>(i) * 79] = {i * 0.001};
  source.AddSegment(rows, 10'000);
  AggregateRequest request;
  for (const double p : {0.0, 0.001, 0.0062, 0.5, 1.0})
    request.aggregations.push_back(Agg(AggregateType::kPercentile, "f", std::to_string(p), p));
  SpillEnv large, tiny(kTinyShare);
  const AggregateAnswer expected =
      Must(RunAggregate(request, {source.snapshot()}, large.context()));
  const AggregateAnswer got = Must(RunAggregate(request, {source.snapshot()}, tiny.context()));
  EXPECT_GT(got.stats.spilled_bytes, 0u);
  EXPECT_EQ(Bytes(got.rows), Bytes(expected.rows));
  EXPECT_EQ(std::get<double>(got.rows[0][3]), 1.25);
}

TEST(AggregateSpillTest, HavingSeesTheValuesOfALargeGroup) {
  Random random(testing::SeedFromEnvironment());
  const auto source = OneLargeGroup(random, 60'000);
  AggregateRequest request;
  request.group_by.push_back({"key", {}, "key", "/group_by/0"});
  request.aggregations = {Agg(AggregateType::kCountDistinct, "s", "a")};
  request.having = Filter{};
  request.having->kind = Filter::Kind::kCompare;
  request.having->column = "a";
  request.having->op = Operator::kGt;
  request.having->literal = {Literal::Kind::kNumber, false, "5000", {}};
  request.having->pointer = "/having/a/gt";
  SpillEnv tiny(kTinyShare);
  const AggregateAnswer got = Must(RunAggregate(request, {source->snapshot()}, tiny.context()));
  ASSERT_EQ(got.rows.size(), 1u);
  EXPECT_EQ(got.rows[0][0], Value("large"));
  EXPECT_GT(got.stats.spilled_bytes, 0u);
}

TEST(AggregateSpillTest, EveryFailingCallEndsAQueryOfValuesAndLeavesNothing) {
  Random random(7);
  const auto source = OneLargeGroup(random, 40'000);
  ExpectFailingCallsEndIt(kTinyShare, Asking(AllThatHoldValues(), *source));
}

TEST(AggregateSpillTest, CancellingEndsAQueryOfValuesAtAnyMoment) {
  Random random(11);
  const auto source = OneLargeGroup(random, 40'000);
  AggregateRequest request = AllThatHoldValues();
  ExpectCancellingEndsIt(kTinyShare, 500'000, 14, Asking(request, *source));
  request.group_by.push_back({"key", {}, "key", "/group_by/0"});
  ExpectCancellingEndsIt(kTinyShare, 700'000, 14, Asking(request, *source));
}

// Values can be gone through by themselves, but not one that is too large itself.
TEST(AggregateSpillTest, AGroupThatIsTooLargeAloneIsRefused) {
  TestSource source("s", SchemaOf({{"key", TypeKind::kString}, {"text", TypeKind::kString}}));
  source.AddHot({{"one", std::string(2 * kTinyShare, 'x')}});
  for (const AggregateType type : {AggregateType::kMax, AggregateType::kFirst}) {
    for (const bool has_groups : {true, false}) {
      AggregateRequest request = CountByKey(type, "text");
      if (!has_groups) request.group_by.clear();
      SpillEnv tiny(kTinyShare);
      EXPECT_EQ(RunAggregate(request, {source.snapshot()}, tiny.context()).status().code(),
                Code::kTooLarge);
      ExpectNothingHeld(tiny);
    }
  }
}

TEST(AggregateSpillTest, PressureByOthersIsSaidToBeThat) {
  Random random(testing::SeedFromEnvironment());
  const auto sources = RandomSources(random, 9000);
  runtime::MemoryBudget process("process", 1u << 20);
  process.Add(1u << 20);
  SpillEnv env;
  runtime::MemoryBudget share("query", 1u << 30, &process);
  QueryContext context = env.context();
  context.memory = &share;
  context.memory_wait_max = std::chrono::milliseconds(1);
  EXPECT_EQ(RunAggregate(CountByKey(), sources->snapshots(), context).status().code(),
            Code::kOverloaded);
  process.Release(1u << 20);
  EXPECT_EQ(process.reserved(), 0u);
}

TEST(AggregateSpillTest, EveryFailingCallEndsTheQueryAndLeavesNothing) {
  Random random(7);
  const auto sources = RandomSources(random, 6000);
  ExpectFailingCallsEndIt(kTinyShare, [&](const QueryContext& context) {
    return Ask(CountByKey(), *sources, context).status();
  });
}

TEST(AggregateSpillTest, CancellingEndsItAtAnyMoment) {
  Random random(11);
  const auto sources = RandomSources(random, 9000);
  ExpectCancellingEndsIt(kTinyShare, 25'000, 20, [&](const QueryContext& context) {
    return Ask(CountByKey(), *sources, context).status();
  });
}

TEST(AggregateSpillTest, AnAnswerThatIsKeptWholeMustFitTheShare) {
  Random random(3);
  const auto sources = RandomSources(random, 9000);
  AggregateRequest request = CountByKey();
  for (const char* alias : {"b", "c", "d"}) {
    request.aggregations.push_back(request.aggregations.front());
    request.aggregations.back().alias = alias;
  }
  SpillEnv tiny(kTinyShare);
  const auto answer = RunAggregate(request, sources->snapshots(), tiny.context());
  EXPECT_EQ(answer.status().code(), Code::kTooLarge);
  EXPECT_EQ(tiny.share.reserved(), 0u);
}

}  // namespace
}  // namespace granary::query
