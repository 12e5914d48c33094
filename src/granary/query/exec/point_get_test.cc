// Goal: a look-up that is not planned gives the page that a plan gives, and says when it cannot.
#include "granary/query/exec/point_get.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "granary/query/exec/access_plan.h"
#include "granary/query/exec/plan_record.h"
#include "granary/query/exec/query_test_support.h"
#include "granary/testing/seed.h"

namespace granary::query {
namespace {

using Random = std::mt19937_64;
using storage::IndexKind;
using storage::SourceSnapshot;

constexpr ColumnId kId = 1, kCode = 2, kName = 3, kPrice = 4;

SchemaPtr TestSchema() {
  return SchemaOf({{"id", TypeKind::kInt64},
                   {"code", TypeKind::kInt32},
                   {"name", TypeKind::kString},
                   {"price", TypeKind::kFloat64}});
}

/// Few different keys, some nulls, and floats that are equal without being the same.
std::vector<Row> RandomRows(Random& random, int count, std::int64_t first_id) {
  const std::vector<Value> prices = {Value(0.0), Value(-0.0), Value(1.5),
                                     Value(std::numeric_limits<double>::quiet_NaN()), Value()};
  std::vector<Row> rows;
  for (int i = 0; i < count; ++i) {
    rows.push_back({Value(first_id + i),
                    random() % 9 == 0 ? Value() : Value(static_cast<std::int64_t>(random() % 12)),
                    random() % 9 == 0 ? Value() : Value(std::string(random() % 6, 'n')),
                    prices[random() % prices.size()]});
  }
  return rows;
}

void AddIndexes(TestSource& source) {
  source.AddIndex({kId, IndexKind::kHash});
  source.AddIndex({kId, IndexKind::kBloom});
  source.AddIndex({kCode, IndexKind::kBtree});
  source.AddIndex({kName, IndexKind::kHash});
  source.AddIndex({kPrice, IndexKind::kBtree});
}

/// As a store says it: what is hot came after what is in segments.
SourceSnapshot SnapshotOf(const TestSource& source) {
  SourceSnapshot snapshot = source.snapshot();
  for (const auto& segment : snapshot.segments)
    snapshot.flushed_sequence = std::max(snapshot.flushed_sequence, segment->meta().max_sequence);
  return snapshot;
}

std::unique_ptr<TestSource> RandomSource(Random& random) {
  auto source = std::make_unique<TestSource>("s", TestSchema());
  AddIndexes(*source);
  std::int64_t id = 0;
  for (int part = 0; part < 4; ++part, id += 60) {
    const auto rows = RandomRows(random, 60, id);
    if (part < 3)
      source->AddSegment(rows, 17);
    else
      source->AddHot(rows);
  }
  return source;
}

/// Deletes about every fourth row, some of them after the snapshot.
SourceSnapshot WithDeletions(SourceSnapshot snapshot, Random& random) {
  for (auto& segment : snapshot.segments) {
    std::vector<storage::EndedRow> ended;
    for (std::uint32_t row = 0; row < segment->meta().rows; ++row) {
      if (random() % 4 == 0)
        ended.push_back({row, snapshot.visible_sequence + (random() % 3 == 0 ? 1 : 0)});
    }
    const auto deletion = storage::MakeDeletion(std::move(ended), 0);
    segment = segment->WithDeletions(
        std::make_shared<const storage::Deletions>(std::vector<storage::DeletionPtr>{deletion}));
  }
  for (storage::HotChunk& chunk : snapshot.hot) {
    chunk.ends = std::make_shared<storage::HotEnds>();
    for (std::int64_t row = 0; row < chunk.batch->num_rows(); ++row) {
      if (random() % 4 == 0)
        chunk.ends->End(row, snapshot.visible_sequence + (random() % 3 == 0 ? 1 : 0));
    }
  }
  return snapshot;
}

Literal Number(std::string text) { return {Literal::Kind::kNumber, false, std::move(text), {}}; }
Literal Text(std::string text) { return {Literal::Kind::kString, false, std::move(text), {}}; }

SearchRequest Ask(std::string column, Literal literal, std::uint64_t limit) {
  Filter filter;
  filter.kind = Filter::Kind::kCompare;
  filter.column = std::move(column);
  filter.op = Operator::kEq;
  if (literal.kind == Literal::Kind::kList) filter.op = Operator::kIn;
  filter.literal = std::move(literal);
  filter.pointer = "/filters/" + filter.column;
  SearchRequest request;
  request.filter = std::move(filter);
  request.limit = limit;
  return request;
}

SearchRequest RandomAsk(Random& random) {
  const auto literal = [&random](const std::string& column) {
    if (column == "id") return Number(std::to_string(random() % 260));
    if (column == "code") return Number(std::to_string(random() % 14));
    if (column == "price") return Number(random() % 2 == 0 ? "0" : "1.5");
    return Text(std::string(random() % 7, 'n'));
  };
  const std::vector<std::string> columns = {"id", "code", "name", "price"};
  const std::string& column = columns[random() % columns.size()];
  Literal asked = literal(column);
  if (random() % 2 == 0) {
    std::vector<Literal> items;
    for (std::size_t i = 0; i < 1 + random() % 4; ++i) items.push_back(literal(column));
    if (random() % 4 == 0) items.push_back({Literal::Kind::kNull, false, {}, {}});
    asked = {Literal::Kind::kList, false, {}, std::move(items)};
  }
  SearchRequest request = Ask(column, std::move(asked), 1 + random() % 40);
  if (random() % 2 == 0) request.columns = {"price", "_seq", "id", "id"};
  return request;
}

struct Env {
  runtime::WorkerPool pool{{.threads = 2}};
  OptimizerOptions plain{.enabled = false};
  QueryContext context{.pool = pool, .parallelism = 2, .cancel = {}, .batch_rows = 7};
  QueryContext planned() {
    QueryContext context_of_plan = context;
    context_of_plan.optimizer = &plain;
    return context_of_plan;
  }
};

SearchSink TextInto(std::string& text) {
  return [&text](const ResultBatch& rows) {
    for (std::int64_t row = 0; row < rows.batch->num_rows(); ++row) {
      for (std::size_t at = 0; at < rows.columns.size(); ++at) {
        const Value value = ValueAt(*rows.batch->column(static_cast<int>(at)), row);
        text += rows.columns[at].name + "=";
        text += IsNull(value) ? "null" : ValueToText(value, rows.columns[at].type);
        text += ' ';
      }
      text += '\n';
    }
    return Status::Ok();
  };
}

/// Whatever was read is decoded from then on.
void Warm(const SourceSnapshot& source) {
  Env env;
  std::string text;
  SearchRequest all;
  all.columns = {"id", "code", "name", "price", "_seq"};
  Must(RunSearch(all, {source}, env.context, TextInto(text)));
}

TEST(PointGetTest, APageIsThatOfAPlan) {
  Random random(testing::SeedFromEnvironment());
  std::size_t gotten = 0, asked = 0, with_next = 0;
  for (int round = 0; round < 12; ++round) {
    const auto source = RandomSource(random);
    SourceSnapshot snapshot = SnapshotOf(*source);
    if (round % 2 == 1) snapshot = WithDeletions(std::move(snapshot), random);
    Warm(snapshot);
    for (int i = 0; i < 60; ++i) {
      const SearchRequest request = RandomAsk(random);
      Env env;
      std::string rows, expected;
      const SearchPage plan =
          Must(RunPage(request, {snapshot}, {}, env.planned(), TextInto(expected)));
      const auto page = Must(PointGet(request, snapshot, env.context, TextInto(rows)));
      ++asked;
      if (!page) continue;
      ++gotten;
      EXPECT_EQ(rows, expected);
      EXPECT_GT(page->stats.access_paths.size(), 0u);
      if (!page->next) continue;
      // A plan may say that there is more where nothing follows, and never the other way.
      ++with_next;
      ASSERT_TRUE(plan.next.has_value());
      EXPECT_EQ(*page->next, *plan.next);
      std::string rest;
      Must(RunPage(request, {snapshot}, page->next, env.context, TextInto(rest)));
      EXPECT_FALSE(rest.empty());
    }
  }
  EXPECT_GT(gotten * 4, asked * 3) << gotten << " of " << asked;
  EXPECT_GT(with_next, 50u);
}

TEST(PointGetTest, TheRowsOfAKeyBeyondThePageAreNotLookedAt) {
  TestSource source("s", TestSchema());
  AddIndexes(source);
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 5000; ++i)
    rows.push_back({Value(i), Value(std::int64_t{7}), Value(std::string("n")), Value(1.0)});
  source.AddSegment(rows, 1000);
  const SourceSnapshot snapshot = SnapshotOf(source);
  Warm(snapshot);
  Env env;
  for (const std::uint64_t limit : {std::uint64_t{1}, std::uint64_t{10}, kPointRowsMax}) {
    std::string text;
    const auto page =
        Must(PointGet(Ask("code", Number("7"), limit), snapshot, env.context, TextInto(text)));
    ASSERT_TRUE(page.has_value()) << limit;
    EXPECT_EQ(page->stats.rows_scanned, limit + 1);
    EXPECT_TRUE(page->next.has_value());
  }
}

TEST(PointGetTest, WhatItIsNotSureOfIsPlanned) {
  Random random(3);
  const auto source = RandomSource(random);
  const SourceSnapshot snapshot = SnapshotOf(*source);
  Env env;
  std::string text;
  const auto is_gotten = [&](const SearchRequest& request, const SourceSnapshot& of,
                             const QueryContext& context) {
    text.clear();
    const bool is = Must(PointGet(request, of, context, TextInto(text))).has_value();
    EXPECT_TRUE(is || text.empty());
    return is;
  };
  const SearchRequest request = Ask("code", Number("3"), 10);
  EXPECT_FALSE(is_gotten(request, snapshot, env.context)) << "nothing is decoded yet";
  Warm(snapshot);
  EXPECT_TRUE(is_gotten(request, snapshot, env.context));

  EXPECT_FALSE(is_gotten(request, snapshot, env.planned()));
  PlanRecord record(RecordDetail::kAll);
  QueryContext explained = env.context;
  explained.record = &record;
  EXPECT_FALSE(is_gotten(request, snapshot, explained));
  for (const auto& [limit, is] : {std::pair<std::uint64_t, bool>{kPointRowsMax, true},
                                  {kPointRowsMax + 1, false},
                                  {0, false}})
    EXPECT_EQ(is_gotten(Ask("code", Number("3"), limit), snapshot, env.context), is) << limit;

  std::vector<Literal> keys;
  for (std::size_t i = 0; i < kPointKeysMax; ++i) keys.push_back(Number(std::to_string(1000 + i)));
  const auto in = [&] { return Literal{Literal::Kind::kList, false, {}, keys}; };
  EXPECT_TRUE(is_gotten(Ask("id", in(), 10), snapshot, env.context));
  keys.push_back(Number("999"));
  EXPECT_FALSE(is_gotten(Ask("id", in(), 10), snapshot, env.context));

  SearchRequest ordered = request;
  ordered.order_by = {{"id", Direction::kAscending, "/order_by/0"}};
  EXPECT_FALSE(is_gotten(ordered, snapshot, env.context));
  SearchRequest unknown = request;
  unknown.columns = {"id", "nothing"};
  EXPECT_FALSE(is_gotten(unknown, snapshot, env.context));
  EXPECT_FALSE(is_gotten(Ask("code", Text("three"), 10), snapshot, env.context));

  SourceSnapshot without = snapshot;
  without.indexes.clear();
  EXPECT_FALSE(is_gotten(request, without, env.context));
  SourceSnapshot cut = snapshot;
  cut.hot.front().index = nullptr;
  EXPECT_FALSE(is_gotten(Ask("id", Number("9999"), 10), cut, env.context));
  SourceSnapshot of_before = snapshot;
  of_before.flushed_sequence = snapshot.segments.front()->meta().max_sequence;
  EXPECT_FALSE(is_gotten(request, of_before, env.context));
}

TEST(PointGetTest, ADamagedIndexIsNotBelieved) {
  TestSource source("s", TestSchema());
  source.AddIndex({kCode, IndexKind::kBtree});
  Random random(4);
  source.AddSegment(RandomRows(random, 200, 0));
  const SourceSnapshot snapshot = SnapshotOf(source);
  Warm(snapshot);
  const std::string path = "/s/" + storage::IndexPath(snapshot.segments.front()->meta().path,
                                                      {kCode, IndexKind::kBtree});
  ASSERT_TRUE(source.files().FlipBits(path, 20, 0xff).ok());
  Env env;
  std::string text, expected;
  const SearchRequest request = Ask("code", Number("3"), 10);
  EXPECT_FALSE(Must(PointGet(request, snapshot, env.context, TextInto(text))).has_value());
  EXPECT_TRUE(text.empty());
  Must(RunPage(request, {snapshot}, {}, env.planned(), TextInto(expected)));
  Must(RunPage(request, {snapshot}, {}, env.context, TextInto(text)));
  EXPECT_EQ(text, expected);
  EXPECT_FALSE(expected.empty());
}

TEST(PointGetTest, ARowForWhichThereIsNoMemoryIsPlanned) {
  TestSource source("s", TestSchema());
  source.AddIndex({kId, IndexKind::kHash});
  source.AddSegment(
      {{Value(std::int64_t{1}), Value(), Value(std::string(1u << 20, 'x')), Value()}});
  const SourceSnapshot snapshot = SnapshotOf(source);
  Warm(snapshot);
  Env env;
  std::string text;
  runtime::MemoryBudget small("query", 512u << 10), large("query", 4u << 20);
  for (runtime::MemoryBudget* budget : {&small, &large}) {
    QueryContext context = env.context;
    context.memory = budget;
    const auto page = Must(PointGet(Ask("id", Number("1"), 1), snapshot, context, TextInto(text)));
    EXPECT_EQ(page.has_value(), budget == &large);
    EXPECT_EQ(budget->reserved(), 0u);
  }
}

}  // namespace
}  // namespace granary::query
