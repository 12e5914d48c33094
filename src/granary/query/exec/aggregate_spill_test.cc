// Goal: an aggregate with a tiny share of memory gives the answer that it gives with any, to the
// last bit and in the same order; and however it ends, memory and disk are given back.
#include <gtest/gtest.h>

#include <thread>

#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/spill_test_support.h"
#include "granary/testing/seed.h"

namespace granary::query {
namespace {

AggregateRequest RandomRequest(Random& random) {
  static const std::vector<std::pair<AggregateType, const char*>> kAll = {
      {AggregateType::kCount, ""},          {AggregateType::kCount, "f"},
      {AggregateType::kSum, "n"},           {AggregateType::kSum, "f"},
      {AggregateType::kSum, "d"},           {AggregateType::kSum, "j"},
      {AggregateType::kAvg, "f"},           {AggregateType::kMin, "key"},
      {AggregateType::kMax, "j"},           {AggregateType::kCountDistinct, "n"},
      {AggregateType::kCountDistinct, "j"}, {AggregateType::kApproxCountDistinct, "key"},
      {AggregateType::kPercentile, "f"},    {AggregateType::kStddev, "f"},
      {AggregateType::kFirst, "key"},       {AggregateType::kLast, "n"},
      {AggregateType::kMax, "at"},          {AggregateType::kAny, "d"}};
  static const std::vector<const char*> kGroups = {"key", "n", "f", "j", "at"};
  AggregateRequest request;
  for (std::size_t n = 1 + random() % 2; n > 0; --n) {
    const std::string column = kGroups[random() % kGroups.size()];
    const std::string alias = "g" + std::to_string(n);
    GroupBy group{column, {}, alias, "/group_by/0"};
    if (column == "at") group.transform = DatePart::kHour;
    request.group_by.push_back(std::move(group));
  }
  bool has_set = false;  // Two of the group of nulls, which is large, would not fit the tiny share.
  for (std::size_t n = 1 + random() % 4; n > 0; --n) {
    auto [type, column] = kAll[random() % kAll.size()];
    if (type == AggregateType::kCountDistinct && std::exchange(has_set, true))
      type = AggregateType::kCount;
    Aggregation aggregation;
    aggregation.type = type;
    aggregation.column = column;
    aggregation.alias = "a" + std::to_string(n);
    aggregation.p = 0.3;
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
    for (int i = 0; i < 12; ++i) {
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
      EXPECT_EQ(tiny.space.bytes(), 0u);
      EXPECT_EQ(tiny.space.bytes_total(), got.stats.spilled_bytes);
      spilled += got.stats.spilled_bytes > 0;
    }
  }
  EXPECT_GT(spilled, 18);
}

AggregateRequest CountByKey(AggregateType type = AggregateType::kCount, const char* column = "") {
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

TEST(AggregateSpillTest, AGroupThatIsTooLargeAloneIsRefused) {
  TestSource source("s", SchemaOf({{"key", TypeKind::kString}, {"n", TypeKind::kInt64}}));
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 40'000; ++i) rows.push_back({"one", i});
  source.AddHot(rows);
  AggregateRequest request = CountByKey(AggregateType::kCountDistinct, "n");
  SpillEnv tiny(kTinyShare);
  EXPECT_EQ(RunAggregate(request, {source.snapshot()}, tiny.context()).status().code(),
            Code::kTooLarge);
  EXPECT_EQ(tiny.share.reserved(), 0u);
  EXPECT_EQ(tiny.space.bytes(), 0u);
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
  SpillEnv counting(kTinyShare);
  ASSERT_GT(Must(Ask(CountByKey(), *sources, counting.context())).stats.spilled_bytes, 0u);
  const std::uint64_t changes = counting.files.changes(), reads = counting.files.reads();
  for (std::uint64_t nth = 1; nth <= changes; nth += 1 + changes / 12) {
    SpillEnv env(kTinyShare);
    env.files.FailChange({.nth = nth, .code = Code::kDiskFull, .and_later = true});
    EXPECT_EQ(Ask(CountByKey(), *sources, env.context()).status().code(), Code::kDiskFull) << nth;
    EXPECT_EQ(env.share.reserved(), 0u) << nth;
    EXPECT_EQ(env.space.bytes(), 0u) << nth;
  }
  for (std::uint64_t nth = 1; nth <= reads; nth += 1 + reads / 12) {
    SpillEnv env(kTinyShare);
    env.files.FailRead({.nth = nth});
    EXPECT_EQ(Ask(CountByKey(), *sources, env.context()).status().code(), Code::kIoError) << nth;
    EXPECT_EQ(env.share.reserved(), 0u) << nth;
    EXPECT_EQ(env.space.bytes(), 0u) << nth;
  }
}

TEST(AggregateSpillTest, CancellingEndsItAtAnyMoment) {
  Random random(11);
  const auto sources = RandomSources(random, 9000);
  int cancelled = 0;
  for (int i = 0; i < 20; ++i) {
    SpillEnv env(kTinyShare);
    runtime::CancelToken cancel;
    std::thread canceller([&] {
      while (env.space.bytes() < static_cast<std::uint64_t>(i) * 25'000 && !cancel.cancelled())
        std::this_thread::yield();
      cancel.Cancel();
    });
    const Status status = Ask(CountByKey(), *sources, env.context(cancel)).status();
    cancel.Cancel();
    canceller.join();
    cancelled += status.code() == Code::kCancelled;
    EXPECT_TRUE(status.ok() || status.code() == Code::kCancelled) << status.ToString();
    EXPECT_EQ(env.share.reserved(), 0u);
    EXPECT_EQ(env.space.bytes(), 0u);
  }
  EXPECT_GT(cancelled, 0);
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
