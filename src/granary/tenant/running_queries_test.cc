#include "granary/tenant/running_queries.h"

#include <gtest/gtest.h>

#include "granary/testing/fake_clock.h"

namespace granary {
namespace {

TEST(RunningQueriesTest, ListsWhatWaitsAndRunsOldestFirst) {
  testing::FakeClock clock;
  RunningQueries queries(clock);
  EXPECT_TRUE(queries.List().empty());
  const SourceId source = SourceId::Parse("s").Take();
  auto first = queries.Begin(QueryKind::kSearch, {source}, {{}, "request-1"});
  clock.AdvanceMicros(5000);
  auto second = queries.Begin(QueryKind::kAggregate, {}, {});
  second->Start();
  second->progress().rows_scanned += 7;

  const auto list = queries.List();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].kind, QueryKind::kSearch);
  EXPECT_EQ(list[0].sources, std::vector{source});
  EXPECT_EQ(list[0].elapsed_ns, 5'000'000);
  EXPECT_EQ(list[0].started_us, 1'705'276'800'000'000);
  EXPECT_EQ(list[0].request_id, "request-1");
  EXPECT_FALSE(list[0].running);
  EXPECT_TRUE(list[1].running);
  EXPECT_EQ(list[1].rows_scanned, 7u);
  EXPECT_NE(list[0].id, list[1].id);

  first.reset();
  EXPECT_EQ(queries.List().size(), 1u);
}

TEST(RunningQueriesTest, CancelEndsOneQueryAndSaysSo) {
  testing::FakeClock clock;
  RunningQueries queries(clock);
  const Caller a, b;
  auto first = queries.Begin(QueryKind::kStream, {}, a);
  auto second = queries.Begin(QueryKind::kStream, {}, b);
  const std::string id = queries.List()[0].id;
  EXPECT_TRUE(queries.Cancel(id).ok());
  EXPECT_TRUE(queries.Cancel(id).ok());
  EXPECT_TRUE(a.cancel.cancelled());
  EXPECT_FALSE(b.cancel.cancelled());
  EXPECT_NE(first->Explain(a.cancel.Check()).message().find("DELETE /queries/" + id),
            std::string::npos);
  EXPECT_EQ(second->Explain({Code::kCancelled, "the client left"}).message(), "the client left");

  first.reset();
  EXPECT_EQ(queries.Cancel(id).code(), Code::kNotFound);
  EXPECT_EQ(queries.Cancel("").code(), Code::kNotFound);
  EXPECT_EQ(queries.Cancel(std::string(10'000, 'x')).code(), Code::kNotFound);
}

}  // namespace
}  // namespace granary
