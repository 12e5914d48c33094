// Goal: an ordered search with a tiny share of memory shows the rows that it shows with any, in the
// same order, page after page; and however it ends, memory and disk are given back.
#include <gtest/gtest.h>

#include <thread>

#include "granary/json/batch_writer.h"
#include "granary/query/exec/search.h"
#include "granary/query/exec/search_pages.h"
#include "granary/query/exec/spill_test_support.h"
#include "granary/testing/seed.h"

namespace granary::query {
namespace {

// Row groups of these sources are 300 rows; what is more than a few of them does not fit.
constexpr std::uint64_t kShare = 256u << 10;

struct Shown {
  std::vector<std::string> lines;
  QueryStats stats;
};

SearchSink Collect(std::vector<std::string>& lines) {
  return [&lines](const ResultBatch& rows) {
    const json::BatchWriter writer(rows.columns);
    for (std::int64_t row = 0; row < rows.batch->num_rows(); ++row) {
      std::string& line = lines.emplace_back(rows.source.str());
      writer.AppendRow(*rows.batch, row, line);
    }
    return Status::Ok();
  };
}

Result<Shown> Search(const SearchRequest& request, const TwoSources& sources,
                     const QueryContext& context) {
  Shown shown;
  GRANARY_ASSIGN(shown.stats,
                 RunSearch(request, sources.snapshots(), context, Collect(shown.lines)));
  return shown;
}

SearchRequest OrderedBy(std::vector<std::string> columns, Direction direction) {
  SearchRequest request;
  for (std::string& column : columns)
    request.order_by.push_back({std::move(column), direction, "/order_by/0"});
  return request;
}

SearchRequest RandomRequest(Random& random) {
  static const std::vector<std::vector<std::string>> kOrders = {
      {"key"}, {"n"}, {"f", "key"}, {"n", "f"}, {"_seq"}, {"key", "n", "f"}};
  SearchRequest request =
      OrderedBy(kOrders[random() % kOrders.size()],
                random() % 2 == 0 ? Direction::kAscending : Direction::kDescending);
  if (random() % 3 == 0) request.columns = {"n", "key"};
  if (random() % 3 == 0) request.limit = random() % 9000;
  if (random() % 3 == 0) {
    request.filter = Filter{};
    request.filter->kind = Filter::Kind::kCompare;
    request.filter->column = "n";
    request.filter->op = Operator::kGte;
    request.filter->literal = {Literal::Kind::kNumber, false, "-500", {}};
    request.filter->pointer = "/filters/n/gte";
  }
  return request;
}

TEST(OrderedSpillTest, RandomStreamsAreTheSameWithATinyShare) {
  Random random(testing::SeedFromEnvironment());
  int spilled = 0;
  for (int round = 0; round < 2; ++round) {
    const auto sources = RandomSources(random, 9000);
    for (int i = 0; i < 6; ++i) {
      const SearchRequest request = RandomRequest(random);
      SpillEnv large, tiny(kShare);
      const Shown expected = Must(Search(request, *sources, large.context()));
      const Shown got = Must(Search(request, *sources, tiny.context()));
      ASSERT_EQ(got.lines.size(), expected.lines.size());
      ASSERT_EQ(got.lines, expected.lines);
      EXPECT_EQ(expected.stats.spilled_bytes, 0u);
      EXPECT_EQ(tiny.space.bytes(), 0u);
      EXPECT_EQ(tiny.share.reserved(), 0u);
      spilled += got.stats.spilled_bytes > 0;
    }
  }
  EXPECT_GT(spilled, 5);
}

// More runs than are merged side by side.
TEST(OrderedSpillTest, ManyRunsAreMergedInSeveralPasses) {
  Random random(testing::SeedFromEnvironment());
  const auto sources = RandomSources(random, 30'000);
  const SearchRequest request = OrderedBy({"f", "key"}, Direction::kDescending);
  SpillEnv large, tiny(kShare);
  const Shown expected = Must(Search(request, *sources, large.context()));
  const Shown got = Must(Search(request, *sources, tiny.context()));
  EXPECT_EQ(got.lines, expected.lines);
  EXPECT_GT(got.stats.spilled_bytes, 0u);
}

TEST(OrderedSpillTest, PagesGoOnWhereTheLastOneEnded) {
  Random random(testing::SeedFromEnvironment());
  const auto sources = RandomSources(random, 12'000);
  SearchRequest request = OrderedBy({"n"}, Direction::kDescending);
  SpillEnv large;
  const Shown all = Must(Search(request, *sources, large.context()));
  request.limit = 4000;
  std::vector<std::string> lines;
  std::optional<SearchPosition> after;
  std::uint64_t spilled_bytes = 0;
  do {
    SpillEnv tiny(kShare);
    SearchPage page =
        Must(RunPage(request, sources->snapshots(), after, tiny.context(), Collect(lines)));
    spilled_bytes += page.stats.spilled_bytes;
    after = std::move(page.next);
  } while (after);
  EXPECT_GT(spilled_bytes, 0u);
  EXPECT_EQ(lines, all.lines);
}

TEST(OrderedSpillTest, EveryFailingCallEndsTheSearchAndLeavesNothing) {
  Random random(7);
  const auto sources = RandomSources(random, 9000);
  const SearchRequest request = OrderedBy({"key"}, Direction::kAscending);
  SpillEnv counting(kShare);
  ASSERT_GT(Must(Search(request, *sources, counting.context())).stats.spilled_bytes, 0u);
  const std::uint64_t changes = counting.files.changes(), reads = counting.files.reads();
  for (std::uint64_t nth = 1; nth <= changes; nth += 1 + changes / 10) {
    SpillEnv env(kShare);
    env.files.FailChange({.nth = nth, .code = Code::kDiskFull, .and_later = true});
    EXPECT_EQ(Search(request, *sources, env.context()).status().code(), Code::kDiskFull) << nth;
    EXPECT_EQ(env.share.reserved(), 0u) << nth;
    EXPECT_EQ(env.space.bytes(), 0u) << nth;
  }
  for (std::uint64_t nth = 1; nth <= reads; nth += 1 + reads / 10) {
    SpillEnv env(kShare);
    env.files.FailRead({.nth = nth});
    EXPECT_EQ(Search(request, *sources, env.context()).status().code(), Code::kIoError) << nth;
    EXPECT_EQ(env.share.reserved(), 0u) << nth;
    EXPECT_EQ(env.space.bytes(), 0u) << nth;
  }
}

TEST(OrderedSpillTest, CancellingEndsItAtAnyMoment) {
  Random random(11);
  const auto sources = RandomSources(random, 9000);
  const SearchRequest request = OrderedBy({"key"}, Direction::kAscending);
  int cancelled = 0;
  for (int i = 0; i < 10; ++i) {
    SpillEnv env(kShare);
    runtime::CancelToken cancel;
    std::thread canceller([&] {
      while (env.space.bytes() < static_cast<std::uint64_t>(i) * 60'000 && !cancel.cancelled())
        std::this_thread::yield();
      cancel.Cancel();
    });
    const Status status = Search(request, *sources, env.context(cancel)).status();
    cancel.Cancel();
    canceller.join();
    cancelled += status.code() == Code::kCancelled;
    EXPECT_TRUE(status.ok() || status.code() == Code::kCancelled) << status.ToString();
    EXPECT_EQ(env.share.reserved(), 0u);
    EXPECT_EQ(env.space.bytes(), 0u);
  }
  EXPECT_GT(cancelled, 0);
}

TEST(OrderedSpillTest, DecodedRowsAreCountedWhileTheyAreHeld) {
  Random random(5);
  const auto sources = RandomSources(random, 9000);
  SearchRequest request;
  SpillEnv env(1u << 30);
  std::uint64_t held = 0;
  const auto stats =
      RunSearch(request, sources->snapshots(), env.context(), [&](const ResultBatch&) {
        held = std::max(held, env.share.reserved());
        return Status::Ok();
      });
  ASSERT_TRUE(stats.ok());
  EXPECT_GT(held, 0u);
  EXPECT_EQ(env.share.reserved(), 0u);
}

// Others hold the memory for good: a search that waits for its row groups gives up.
TEST(OrderedSpillTest, ASearchWaitsForMemoryThatOthersHoldAndThenIsRefused) {
  Random random(5);
  const SearchRequest request = OrderedBy({"n"}, Direction::kAscending);
  const auto sources = RandomSources(random, 9000);
  runtime::MemoryBudget process("process", 1u << 20);
  runtime::MemoryBudget queries("queries", runtime::MemoryBudget::kNoLimit, &process);
  runtime::MemoryBudget other("query", 1u << 30, &queries), share("query", 1u << 30, &queries);
  other.Add(1u << 20);
  SpillEnv env;
  QueryContext context = env.context();
  context.memory = &share;
  context.memory_wait_max = std::chrono::milliseconds(20);
  EXPECT_EQ(
      RunSearch(request, sources->snapshots(), context, [](const auto&) { return Status::Ok(); })
          .status()
          .code(),
      Code::kOverloaded);
  other.Release(1u << 20);
  EXPECT_TRUE(RunSearch(request, sources->snapshots(), context, [](const auto&) {
                return Status::Ok();
              }).ok());
  EXPECT_EQ(process.reserved(), 0u);
}

}  // namespace
}  // namespace granary::query
