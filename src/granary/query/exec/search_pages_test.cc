// Goal: pages, put one behind the other, are the search, whatever its order, its limit and its
// sources.
#include "granary/query/exec/search_pages.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "granary/query/exec/query_test_support.h"
#include "granary/testing/seed.h"

namespace granary::query {
namespace {

using Random = std::mt19937_64;
using Snapshots = std::vector<storage::SourceSnapshot>;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Env {
  runtime::WorkerPool pool{{.threads = 3}};
  QueryContext context{.pool = pool, .parallelism = 3, .cancel = {}, .batch_rows = 16};
};

SchemaPtr TestSchema(TypeKind number = TypeKind::kInt32) {
  return SchemaOf({{"id", TypeKind::kInt64},
                   {"v", number},
                   {"f", TypeKind::kFloat64},
                   {"s", TypeKind::kString},
                   {"d", DataType::Decimal(10, 2)}});
}

std::vector<Row> RandomRows(Random& random, int count, std::int64_t first_id) {
  std::vector<Row> rows;
  for (int i = 0; i < count; ++i) {
    Row row = {Value(first_id + i), Value(static_cast<std::int64_t>(random() % 7) - 3),
               random() % 6 == 0 ? Value(kNan) : Value(static_cast<double>(random() % 5) - 2.5),
               Value(std::string(random() % 3, 'a') + std::string(random() % 2, '\0')),
               Value(static_cast<Int128>(random() % 4))};
    for (std::size_t at = 1; at < row.size(); ++at) {
      if (random() % 5 == 0) row[at] = {};
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::unique_ptr<TestSource> RandomSource(Random& random, const std::string& id,
                                         std::int64_t first_id) {
  auto source = std::make_unique<TestSource>(id, TestSchema());
  for (int part = 0; part < 4; ++part) {
    const auto rows = RandomRows(random, 40, first_id + part * 40);
    if (part < 2)
      source->AddSegment(rows, 13);
    else
      source->AddHot(rows);
  }
  return source;
}

// As a store says it: what is hot came after what is in segments.
storage::SourceSnapshot SnapshotOf(const TestSource& source) {
  storage::SourceSnapshot snapshot = source.snapshot();
  for (const auto& segment : snapshot.segments)
    snapshot.flushed_sequence = std::max(snapshot.flushed_sequence, segment->meta().max_sequence);
  return snapshot;
}

using Ids = std::vector<std::int64_t>;

SearchSink IdsInto(Ids& ids) {
  return [&ids](const ResultBatch& rows) {
    for (std::int64_t row = 0; row < rows.batch->num_rows(); ++row)
      ids.push_back(std::get<std::int64_t>(ValueAt(*rows.batch->column(0), row)));
    return Status::Ok();
  };
}

Ids Whole(SearchRequest request, const Snapshots& sources) {
  Env env;
  Ids ids;
  request.limit.reset();
  Must(RunSearch(request, sources, env.context, IdsInto(ids)));
  return ids;
}

// `limit` gives each page its limit.
template <typename Limit>
Ids Paged(SearchRequest request, const Snapshots& sources, Limit limit) {
  Env env;
  Ids ids;
  std::optional<SearchPosition> after;
  for (int pages = 0; pages < 10'000; ++pages) {
    request.limit = limit();
    const std::size_t before = ids.size();
    const SearchPage page = Must(RunPage(request, sources, after, env.context, IdsInto(ids)));
    EXPECT_LE(ids.size() - before, *request.limit);
    if (!page.next) return ids;
    EXPECT_EQ(ids.size() - before, *request.limit) << "a page that is not full is the last";
    std::string bytes;
    EncodePosition(*page.next, bytes);
    ByteReader in(bytes);
    after = Must(DecodePosition(in));
    std::string again;  // Not the positions: NaN is no equal of itself.
    EncodePosition(*after, again);
    EXPECT_EQ(again, bytes);
  }
  ADD_FAILURE() << "pages without end";
  return ids;
}

SearchRequest Ordered(std::vector<std::pair<std::string, Direction>> by) {
  SearchRequest request;
  request.columns = {"id"};
  for (auto& [column, direction] : by) request.order_by.push_back({column, direction, "/order_by"});
  return request;
}

TEST(SearchPagesTest, PagesAreTheSearch) {
  Random random(testing::SeedFromEnvironment());
  const auto a = RandomSource(random, "a", 0), b = RandomSource(random, "b", 1000);
  const Snapshots sources = {SnapshotOf(*a), SnapshotOf(*b)};
  constexpr auto kUp = Direction::kAscending, kDown = Direction::kDescending;
  const std::vector<SearchRequest> requests = {Ordered({}),
                                               Ordered({{"v", kUp}}),
                                               Ordered({{"v", kDown}}),
                                               Ordered({{"f", kUp}}),
                                               Ordered({{"f", kDown}}),
                                               Ordered({{"s", kUp}, {"v", kDown}}),
                                               Ordered({{"d", kDown}, {"s", kUp}}),
                                               Ordered({{"_seq", kDown}}),
                                               Ordered({{"id", kUp}})};
  for (const SearchRequest& request : requests) {
    const Ids whole = Whole(request, sources);
    ASSERT_EQ(whole.size(), 320u);
    for (const std::uint64_t limit : {1, 7, 40, 319, 320, 321}) {
      EXPECT_EQ(Paged(request, sources, [&] { return limit; }), whole) << limit;
    }
    EXPECT_EQ(Paged(request, sources, [&] { return 1 + random() % 50; }), whole);
  }
}

TEST(SearchPagesTest, FiltersHoldOnEveryPage) {
  Random random(testing::SeedFromEnvironment());
  const auto a = RandomSource(random, "a", 0), b = RandomSource(random, "b", 1000);
  const Snapshots sources = {SnapshotOf(*a), SnapshotOf(*b)};
  for (SearchRequest request : {Ordered({}), Ordered({{"s", Direction::kDescending}})}) {
    Filter filter;
    filter.kind = Filter::Kind::kCompare;
    filter.column = "v";
    filter.op = Operator::kGte;
    filter.literal = {Literal::Kind::kNumber, false, "1", {}};
    request.filter = filter;
    const Ids whole = Whole(request, sources);
    ASSERT_GT(whole.size(), 20u);
    for (const std::uint64_t limit : {1, 10, 1000})
      EXPECT_EQ(Paged(request, sources, [&] { return limit; }), whole) << limit;
  }
}

TEST(SearchPagesTest, NothingIsOnePageWithoutANext) {
  const TestSource empty("e", TestSchema());
  Env env;
  Ids ids;
  SearchRequest request = Ordered({});
  for (const std::uint64_t limit : {0, 1}) {
    request.limit = limit;
    EXPECT_FALSE(Must(RunPage(request, {SnapshotOf(empty)}, {}, env.context, IdsInto(ids))).next);
  }
  Random random(1);
  const auto a = RandomSource(random, "a", 0);
  request.limit = 0;
  EXPECT_FALSE(Must(RunPage(request, {SnapshotOf(*a)}, {}, env.context, IdsInto(ids))).next);
  EXPECT_TRUE(ids.empty());
}

TEST(SearchPagesTest, APageWithoutAFilterReadsAboutAPage) {
  TestSource source("a", TestSchema());
  Random random(2);
  for (int part = 0; part < 20; ++part) source.AddSegment(RandomRows(random, 100, part * 100), 10);
  const Snapshots sources = {SnapshotOf(source)};
  Env env;
  Ids ids;
  SearchRequest request = Ordered({});
  request.limit = 10;
  std::optional<SearchPosition> after;
  do {
    const SearchPage page = Must(RunPage(request, sources, after, env.context, IdsInto(ids)));
    EXPECT_LE(page.stats.rows_scanned, 30u);
    after = page.next;
  } while (after);
  EXPECT_EQ(ids.size(), 2000u);
}

TEST(SearchPagesTest, AColumnThatWasWidenedGoesOnWhereItWas) {
  Random random(testing::SeedFromEnvironment());
  for (const DataType& wider :
       {DataType(TypeKind::kInt64), DataType(TypeKind::kFloat64), DataType::Decimal(20, 3)}) {
    for (const Direction direction : {Direction::kAscending, Direction::kDescending}) {
      TestSource source("a", TestSchema());
      source.AddSegment(RandomRows(random, 50, 0), 13);
      const storage::SourceSnapshot first = SnapshotOf(source);
      SearchRequest request = Ordered({{"v", direction}});
      request.limit = 20;
      Env env;
      Ids ids;
      const SearchPage page = Must(RunPage(request, {first}, {}, env.context, IdsInto(ids)));
      ASSERT_TRUE(page.next.has_value());

      std::vector<Column> columns = first.schema->columns();
      columns[1].type = wider;
      source.Evolve(std::make_shared<const Schema>(2, first.schema->last_id(), columns));
      const storage::SourceSnapshot later =
          Must(storage::Rewind(SnapshotOf(source), storage::MarkOf(first), *first.schema));
      request.limit = 100;
      EXPECT_FALSE(Must(RunPage(request, {later}, page.next, env.context, IdsInto(ids))).next);
      EXPECT_EQ(ids, Whole(request, {first})) << wider.ToString();
    }
  }
}

/// Version 2 of TestSchema: v is wider, f and s are gone.
SchemaPtr ChangedSchema(const Schema& first) {
  std::vector<Column> columns = {first.columns()[0], first.columns()[1], first.columns()[4]};
  columns[1].type = TypeKind::kFloat64;
  return std::make_shared<const Schema>(2, first.last_id(), columns);
}

TEST(SearchPagesTest, ColumnsThatWereDroppedOrWidenedShowAsTheyWere) {
  Random random(testing::SeedFromEnvironment());
  for (const bool hot : {false, true}) {
    TestSource source("a", TestSchema());
    const auto rows = RandomRows(random, 50, 0);
    if (hot)
      source.AddHot(rows);
    else
      source.AddSegment(rows, 13);
    const storage::SourceSnapshot first = SnapshotOf(source);
    const SchemaPtr changed = ChangedSchema(*first.schema);
    source.Evolve(changed);
    const std::vector<storage::SchemaVersion> history = {{first.schema, 1}, {changed, 2}};
    const storage::SourceSnapshot later =
        Must(storage::Rewind(SnapshotOf(source), storage::MarkOf(first), *first.schema, history));
    for (SearchRequest request :
         {Ordered({}), Ordered({{"s", Direction::kDescending}, {"v", Direction::kAscending}})}) {
      request.columns = {"id", "s", "v", "f"};
      request.limit = 100;
      const auto shown = [&](const storage::SourceSnapshot& snapshot) {
        Env env;
        std::vector<Row> out;
        Must(RunPage(request, {snapshot}, {}, env.context, [&](const ResultBatch& batch) {
          EXPECT_EQ(batch.columns[2].type, TypeKind::kInt32);
          EXPECT_EQ(batch.columns[3].type, TypeKind::kFloat64);
          for (std::int64_t row = 0; row < batch.batch->num_rows(); ++row) {
            Row& values = out.emplace_back();
            for (const auto& column : batch.batch->columns())
              values.push_back(ValueAt(*column, row));
          }
          return Status::Ok();
        }));
        return out;
      };
      const std::vector<Row> expected = shown(first);
      const std::vector<Row> again = shown(later);
      ASSERT_EQ(expected.size(), 50u);
      ASSERT_EQ(again.size(), expected.size());
      for (std::size_t row = 0; row < again.size(); ++row) {
        for (std::size_t at = 0; at < again[row].size(); ++at)
          EXPECT_TRUE(Compare(again[row][at], expected[row][at]) == 0) << row << " " << at;
      }
    }
  }
}

TEST(SearchPagesTest, ADroppedColumnThatAFlushHasLeftOutEndsTheCursorsThatNeedIt) {
  Random random(3);
  const auto rows = RandomRows(random, 10, 0);
  TestSource source("a", TestSchema());
  source.AddHot(rows);
  const storage::SourceSnapshot first = SnapshotOf(source);
  const SchemaPtr changed = ChangedSchema(*first.schema);
  TestSource flushed("a", changed);
  std::vector<Row> kept;
  for (const Row& row : rows) {
    const auto* v = std::get_if<std::int64_t>(&row[1]);
    kept.push_back({row[0], v == nullptr ? Value() : Value(static_cast<double>(*v)), row[4]});
  }
  flushed.AddSegment(kept);
  const std::vector<storage::SchemaVersion> history = {{first.schema, 1}, {changed, 2}};
  const storage::SourceSnapshot later =
      Must(storage::Rewind(SnapshotOf(flushed), storage::MarkOf(first), *first.schema, history));
  Env env;
  const auto page = [&](const SearchRequest& request) {
    return RunPage(request, {later}, {}, env.context,
                   [](const ResultBatch& batch) {
                     EXPECT_EQ(batch.columns.back().type, TypeKind::kInt32);
                     return Status::Ok();
                   })
        .status();
  };
  SearchRequest request;
  request.limit = 100;
  request.columns = {"id", "v"};
  EXPECT_TRUE(page(request).ok()) << page(request).ToString();
  const auto expired = [&](SearchRequest other) {
    const Status status = page(other);
    EXPECT_EQ(status.code(), Code::kCursorExpired) << status.ToString();
    EXPECT_NE(status.message().find("\"s\" was dropped"), std::string::npos) << status.ToString();
  };
  SearchRequest shows = request, orders = request, filters = request;
  shows.columns = {"s"};
  expired(shows);
  orders.order_by = {{"s", Direction::kAscending, "/order_by/0"}};
  expired(orders);
  Filter exists;
  exists.kind = Filter::Kind::kCompare;
  exists.column = "s";
  exists.op = Operator::kExists;
  exists.literal.kind = Literal::Kind::kBool;
  exists.literal.boolean = true;
  filters.filter.emplace();
  filters.filter->children = {exists};
  expired(filters);
  request.columns.clear();
  EXPECT_EQ(page(request).code(), Code::kCursorExpired);
}

TEST(SearchPagesTest, LaterRowsAndColumnsAreNotShown) {
  TestSource source("a", SchemaOf({{"id", TypeKind::kInt64}}));
  source.AddHot({{Value(std::int64_t{1})}, {Value(std::int64_t{2})}});
  const storage::SourceSnapshot first = SnapshotOf(source);
  source.Evolve(std::make_shared<const Schema>(
      2, 2, std::vector<Column>{{1, "id", TypeKind::kInt64}, {2, "later", TypeKind::kString}}));
  source.AddHot({{Value(std::int64_t{3}), Value(std::string("x"))}});
  const storage::SourceSnapshot again =
      Must(storage::Rewind(SnapshotOf(source), storage::MarkOf(first), *first.schema));
  Env env;
  SearchRequest request;
  request.limit = 10;
  Ids ids;
  Must(RunPage(request, {again}, {}, env.context, [&](const ResultBatch& rows) {
    EXPECT_EQ(rows.columns.size(), 1u);
    return IdsInto(ids)(rows);
  }));
  EXPECT_EQ(ids, (Ids{1, 2}));
}

TEST(SearchPagesTest, APositionOfAnotherKindOfSearchIsRefused) {
  Random random(3);
  const auto a = RandomSource(random, "a", 0);
  const Snapshots sources = {SnapshotOf(*a)};
  Env env;
  Ids ids;
  SearchRequest by_v = Ordered({{"v", Direction::kAscending}}), plain = Ordered({});
  by_v.limit = plain.limit = 5;
  const auto next_by_v = Must(RunPage(by_v, sources, {}, env.context, IdsInto(ids))).next;
  const auto next_plain = Must(RunPage(plain, sources, {}, env.context, IdsInto(ids))).next;
  const auto refused = [&](const SearchRequest& request, const auto& after) {
    return RunPage(request, sources, after, env.context, IdsInto(ids)).status().code();
  };
  EXPECT_EQ(refused(plain, next_by_v), Code::kInvalidRequest);
  EXPECT_EQ(refused(by_v, next_plain), Code::kInvalidRequest);
  EXPECT_EQ(refused(plain, std::optional<SearchPosition>(StoredPosition{7, {}, 1})),
            Code::kInvalidRequest);
}

}  // namespace
}  // namespace granary::query
