// Goal: an ordered search with a tiny share of memory shows the rows that it shows with any, in the
// same order, page after page; and however it ends, memory and disk are given back.
#include <gtest/gtest.h>

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
      ExpectNothingHeld(tiny);
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
  ExpectFailingCallsEndIt(kShare, [&](const QueryContext& context) {
    return Search(request, *sources, context).status();
  });
}

TEST(OrderedSpillTest, CancellingEndsItAtAnyMoment) {
  Random random(11);
  const auto sources = RandomSources(random, 9000);
  const SearchRequest request = OrderedBy({"key"}, Direction::kAscending);
  ExpectCancellingEndsIt(kShare, 60'000, 10, [&](const QueryContext& context) {
    return Search(request, *sources, context).status();
  });
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
