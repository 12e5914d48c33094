// Goal: a search gives exactly the matching records, in the order that was asked for, up to the
// limit, wherever they lie.
#include "granary/query/exec/search.h"
#include "granary/query/exec/source_columns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "granary/query/exec/query_test_support.h"
#include "granary/testing/seed.h"

namespace granary::query {
namespace {

using Random = std::mt19937_64;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Value I(std::int64_t value) { return value; }
Value S(std::string value) { return value; }

Filter Where(std::string column, Operator op, Literal literal) {
  Filter filter;
  filter.kind = Filter::Kind::kCompare;
  filter.column = std::move(column);
  filter.op = op;
  filter.literal = std::move(literal);
  filter.pointer = "/filters/" + filter.column + "/" + std::string(OperatorName(op));
  return filter;
}
Literal Number(std::string text) { return {Literal::Kind::kNumber, false, std::move(text), {}}; }

struct Found {
  std::vector<std::pair<std::string, Row>> rows;  ///< Source and values.
  std::vector<Column> columns;                    ///< Of the last batch.
  QueryStats stats;

  std::vector<Row> values() const {
    std::vector<Row> out;
    for (const auto& [source, row] : rows) out.push_back(row);
    return out;
  }
};

struct Env {
  runtime::WorkerPool pool{{.threads = 3}};
  QueryContext context{.pool = pool, .parallelism = 3, .cancel = {}, .batch_rows = 16};
};

Result<QueryStats> Search(const SearchRequest& request,
                          const std::vector<const TestSource*>& sources, const SearchSink& sink) {
  Env env;
  std::vector<storage::SourceSnapshot> snapshots;
  for (const TestSource* source : sources) snapshots.push_back(source->snapshot());
  return RunSearch(request, snapshots, env.context, sink);
}

Found Find(const SearchRequest& request, const std::vector<const TestSource*>& sources) {
  Found found;
  found.stats = Must(Search(request, sources, [&](const ResultBatch& rows) -> Status {
    EXPECT_EQ(rows.batch->num_columns(), static_cast<int>(rows.columns.size()));
    found.columns = rows.columns;
    for (std::int64_t row = 0; row < rows.batch->num_rows(); ++row) {
      Row values;
      for (const auto& column : rows.batch->columns()) values.push_back(ValueAt(*column, row));
      found.rows.emplace_back(rows.source.str(), std::move(values));
    }
    return Status::Ok();
  }));
  return found;
}

Status Refused(const SearchRequest& request, const std::vector<const TestSource*>& sources) {
  return Search(request, sources, [](const ResultBatch&) { return Status::Ok(); }).status();
}

SearchRequest Ordered(std::vector<std::pair<std::string, Direction>> by,
                      std::optional<std::uint64_t> limit = {}) {
  SearchRequest request;
  for (auto& [column, direction] : by)
    request.order_by.push_back({column, direction, "/order_by/0/column"});
  request.limit = limit;
  return request;
}

/// 300 rows over three segments of small row groups, then hot ones; `v` has ties and nulls.
struct Mixed {
  explicit Mixed(Random& random)
      : source("s", SchemaOf({{"id", TypeKind::kInt64},
                              {"v", TypeKind::kInt32},
                              {"f", TypeKind::kFloat64},
                              {"s", TypeKind::kString}})) {
    for (int part = 0; part < 5; ++part) {
      std::vector<Row> rows;
      for (int i = 0; i < 60; ++i) {
        Row row = {I(static_cast<std::int64_t>(all.size())),
                   I(static_cast<std::int64_t>(random() % 20) - 10),
                   random() % 9 == 0 ? kNan : static_cast<double>(random() % 7) - 3,
                   std::string(random() % 12, 'a') + static_cast<char>(random() % 3)};
        for (std::size_t at = 1; at < row.size(); ++at) {
          if (random() % 6 == 0) row[at] = {};
        }
        rows.push_back(row);
        all.push_back(row);
      }
      if (part < 3) {
        source.AddSegment(rows, 17);
      } else {
        source.AddHot(rows);
      }
    }
  }
  TestSource source;
  std::vector<Row> all;
};

TEST(SearchTest, WithoutAnOrderRowsComeAsTheyWereWritten) {
  Random random(testing::SeedFromEnvironment());
  const Mixed mixed(random);
  EXPECT_EQ(Find({}, {&mixed.source}).values().size(), mixed.all.size());
  for (std::size_t i = 0; i < mixed.all.size(); ++i) {
    EXPECT_EQ(Find({}, {&mixed.source}).values()[i][0], mixed.all[i][0]);
    i += 40;
  }
}

TEST(SearchTest, FiltersLimitsAndColumns) {
  Random random(testing::SeedFromEnvironment());
  const Mixed mixed(random);
  for (const std::uint64_t limit : {0ull, 1ull, 7ull, 100ull, 1000ull}) {
    SearchRequest request;
    request.filter = Where("v", Operator::kGt, Number("3"));
    request.columns = {"v", "_seq", "v"};
    request.limit = limit;
    std::vector<Row> expected;
    for (std::size_t i = 0; i < mixed.all.size() && expected.size() < limit; ++i) {
      const Value& v = mixed.all[i][1];
      if (!IsNull(v) && std::get<std::int64_t>(v) > 3)
        expected.push_back({v, I(static_cast<std::int64_t>(i) + 1)});
    }
    EXPECT_EQ(Find(request, {&mixed.source}).values(), expected);
  }
}

TEST(SearchTest, ALimitWithoutAFilterReadsNoMoreThanItNeeds) {
  Random random(testing::SeedFromEnvironment());
  const Mixed mixed(random);
  SearchRequest request;
  request.limit = 10;
  EXPECT_LE(Find(request, {&mixed.source}).stats.rows_scanned, 17u);
}

TEST(SearchTest, OrdersByAnyColumnWithNullsLastAndTiesBySequence) {
  Random random(testing::SeedFromEnvironment());
  const Mixed mixed(random);
  for (const std::size_t column : {1u, 2u, 3u}) {
    for (const Direction direction : {Direction::kAscending, Direction::kDescending}) {
      std::vector<Row> expected = mixed.all;
      std::stable_sort(expected.begin(), expected.end(), [&](const Row& a, const Row& b) {
        const bool flip =
            direction == Direction::kDescending && !IsNull(a[column]) && !IsNull(b[column]);
        return flip ? Compare(b[column], a[column]) < 0 : Compare(a[column], b[column]) < 0;
      });
      for (const std::optional<std::uint64_t> limit :
           {std::optional<std::uint64_t>{}, std::optional<std::uint64_t>{1},
            std::optional<std::uint64_t>{25}}) {
        const std::string name = mixed.source.snapshot().schema->columns()[column].name;
        const std::vector<Row> got =
            Find(Ordered({{name, direction}}, limit), {&mixed.source}).values();
        ASSERT_EQ(got.size(), limit.value_or(expected.size()));
        for (std::size_t i = 0; i < got.size(); ++i)
          ASSERT_EQ(got[i][0], expected[i][0]) << name << " " << i;
      }
    }
  }
}

TEST(SearchTest, OrdersBySeveralColumnsInDifferentDirections) {
  Random random(testing::SeedFromEnvironment());
  const Mixed mixed(random);
  std::vector<Row> expected = mixed.all;
  std::stable_sort(expected.begin(), expected.end(), [](const Row& a, const Row& b) {
    if (const auto order = Compare(a[1], b[1]); order != 0) {
      return IsNull(a[1]) || IsNull(b[1]) ? order < 0 : order > 0;
    }
    return Compare(a[3], b[3]) < 0;
  });
  const auto got =
      Find(Ordered({{"v", Direction::kDescending}, {"s", Direction::kAscending}}), {&mixed.source})
          .values();
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i][0], expected[i][0]) << i;
}

TEST(SearchTest, TheNewestRowsDoNotReadTheOldRowGroups) {
  TestSource source("s", SchemaOf({{"at", TypeKind::kInt64}}));
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 20'000; ++i) rows.push_back({I(i)});
  source.AddSegment(rows, 2'000);
  Env env;
  env.context.parallelism = 1;
  const auto request = Ordered({{"at", Direction::kDescending}}, 10);
  const auto stats = Must(RunSearch(request, {source.snapshot()}, env.context,
                                    [](const ResultBatch&) { return Status::Ok(); }));
  EXPECT_EQ(stats.rows_scanned, 2'000u);
  EXPECT_EQ(Find(request, {&source}).values().front(), (Row{I(19'999)}));
}

TEST(SearchTest, IntegersAndFloatsOfTwoSourcesCompareExactly) {
  TestSource a("a", SchemaOf({{"v", TypeKind::kInt64}}));
  TestSource b("b", SchemaOf({{"v", TypeKind::kFloat64}}));
  a.AddHot({{I(9007199254740993)}, {I(-5)}, {Value()}});
  b.AddSegment({{9007199254740992.0}, {9007199254740994.0}, {kNan}, {-5.0}, {-5.5}});
  std::vector<std::string> got;
  for (const auto& [source, row] : Find(Ordered({{"v", Direction::kAscending}}), {&b, &a}).rows) {
    got.push_back(source + (IsNull(row[0])
                                ? "null"
                                : ValueToText(row[0], source == "a" ? TypeKind::kInt64
                                                                    : TypeKind::kFloat64)));
  }
  EXPECT_EQ(
      got, (std::vector<std::string>{"b-5.5", "a-5", "b-5.0", "b9007199254740992.0",
                                     "a9007199254740993", "b9007199254740994.0", "bNaN", "anull"}));
}

TEST(SearchTest, DecimalsIntegersAndFloatsCompareByTheirDigits) {
  TestSource d("d", SchemaOf({{"v", DataType::Decimal(38, 2)}}));
  TestSource f("f", SchemaOf({{"v", TypeKind::kFloat64}}));
  TestSource i("i", SchemaOf({{"v", TypeKind::kInt64}}));
  const Int128 big = Int128{9007199254740993} * 100;
  d.AddSegment({{Int128{10}}, {big + 1}, {big}, {big - 1}, {Int128{-550}}, {-big}});
  f.AddHot({{9007199254740992.0},
            {0.1},
            {-5.5},
            {kNan},
            {-std::numeric_limits<double>::infinity()},
            {9007199254740994.0},
            {0.11}});
  i.AddSegment({{I(9007199254740993)}, {I(-9007199254740993)}, {I(0)}});
  const auto texts = [&](Direction direction, std::int64_t limit) {
    std::string got;
    for (const auto& [source, row] : Find(Ordered({{"v", direction}}, limit), {&f, &d, &i}).rows) {
      const DataType type = source == "d"   ? DataType::Decimal(38, 2)
                            : source == "f" ? DataType(TypeKind::kFloat64)
                                            : DataType(TypeKind::kInt64);
      got += source + ValueToText(row[0], type) + " ";
    }
    return got;
  };
  EXPECT_EQ(texts(Direction::kAscending, 100),
            "f-Infinity i-9007199254740993 d-9007199254740993.00 f-5.5 d-5.50 i0 d0.10 f0.1 f0.11 "
            "f9007199254740992.0 d9007199254740992.99 i9007199254740993 d9007199254740993.00 "
            "d9007199254740993.01 f9007199254740994.0 fNaN ");
  EXPECT_EQ(texts(Direction::kDescending, 4),
            "fNaN f9007199254740994.0 d9007199254740993.01 i9007199254740993 ");
}

TEST(SearchTest, NumbersInDocumentsAreOrderedToTheDigit) {
  TestSource source("s", SchemaOf({{"doc", TypeKind::kJson}}));
  source.AddHot({{S(R"({"n":0.30000000000000000002})")},
                 {S(R"({"n":0.3})")},
                 {S(R"({"n":9007199254740993.5})")},
                 {S(R"({"n":9007199254740993})")},
                 {S(R"({"n":0.30000000000000000001})")},
                 {S(R"({"n":-1e400})")},
                 {S(R"({"n":-2e400})")}});
  SearchRequest request = Ordered({{"doc.n", Direction::kAscending}});
  request.columns = {"doc.n"};
  EXPECT_EQ(Find(request, {&source}).values(), (std::vector<Row>{{S("-2e400")},
                                                                 {S("-1e400")},
                                                                 {S("0.3")},
                                                                 {S("0.30000000000000000001")},
                                                                 {S("0.30000000000000000002")},
                                                                 {S("9007199254740993")},
                                                                 {S("9007199254740993.5")}}));
}

TEST(SearchTest, TiesBetweenSourcesGoBySequenceThenById) {
  TestSource a("a", SchemaOf({{"v", TypeKind::kInt64}}));
  TestSource b("b", SchemaOf({{"v", TypeKind::kInt64}}));
  a.AddHot({{I(1)}, {I(1)}});
  b.AddHot({{I(1)}, {I(1)}});
  std::string order;
  for (const auto& [source, row] : Find(Ordered({{"v", Direction::kDescending}}), {&b, &a}).rows)
    order += source;
  EXPECT_EQ(order, "abab");
}

TEST(SearchTest, SourcesThatLackAColumn) {
  TestSource a("a", SchemaOf({{"x", TypeKind::kInt64}, {"y", TypeKind::kString}}));
  TestSource b("b", SchemaOf({{"x", TypeKind::kInt64}}));
  a.AddHot({{I(1), S("p")}});
  b.AddHot({{I(2)}});
  SearchRequest request;
  request.columns = {"x", "y"};
  EXPECT_EQ(Find(request, {&a, &b}).values(), (std::vector<Row>{{I(1), S("p")}, {I(2), Value()}}));
  request.columns.clear();
  EXPECT_EQ(Find(request, {&a, &b}).values(), (std::vector<Row>{{I(1), S("p")}, {I(2)}}));
  request.filter = Where("y", Operator::kNe, {Literal::Kind::kString, false, "q", {}});
  EXPECT_EQ(Find(request, {&a, &b}).values(), (std::vector<Row>{{I(1), S("p")}}));
  EXPECT_EQ(Find(Ordered({{"y", Direction::kAscending}}), {&b, &a}).values(),
            (std::vector<Row>{{I(1), S("p")}, {I(2)}}));
}

TEST(SearchTest, SourcesWhoseColumnIsOfAnotherTypeContributeNothing) {
  TestSource text("a", SchemaOf({{"c", TypeKind::kString}, {"x", TypeKind::kInt64}}));
  TestSource number("b", SchemaOf({{"c", TypeKind::kInt64}, {"x", TypeKind::kInt64}}));
  text.AddHot({{S("p"), I(1)}});
  number.AddHot({{I(7), I(1)}});
  const auto found = [&](Literal literal, const std::vector<const TestSource*>& sources) {
    SearchRequest request;
    request.columns = {"c"};
    request.filter = Where("c", Operator::kEq, std::move(literal));
    return Find(request, sources).values();
  };
  const Literal p{Literal::Kind::kString, false, "p", {}};
  EXPECT_EQ(found(p, {&text, &number}), (std::vector<Row>{{S("p")}}));
  EXPECT_EQ(found(Number("7"), {&text, &number}), (std::vector<Row>{{I(7)}}));
  // Where it means nothing to any of them it is refused, as to one alone.
  const Filter boolean = Where("c", Operator::kEq, {Literal::Kind::kBool, true, "", {}});
  EXPECT_EQ(BindSources(boolean, {text.snapshot(), number.snapshot()}).status().code(),
            Code::kInvalidLiteral);
  EXPECT_EQ(BindSources(Where("c", Operator::kEq, p), {number.snapshot()}).status().code(),
            Code::kInvalidLiteral);
  // A page that has only such sources left is empty.
  EXPECT_TRUE(BindSources(Where("c", Operator::kEq, p), {number.snapshot()},
                          {text.snapshot(), number.snapshot()})
                  ->empty());
}

TEST(SearchTest, PathsIntoDocumentsAreShownFilteredAndOrderedBy) {
  TestSource source("s", SchemaOf({{"doc", TypeKind::kJson}}));
  source.AddSegment({{S(R"({"n":10,"t":"b"})")}, {S(R"({"n":9.5,"t":"a"})")}});
  source.AddHot({{S(R"({"n":"x"})")}, {S(R"({"m":1})")}, {S(R"({"n":true})")}});
  SearchRequest request = Ordered({{"doc.n", Direction::kAscending}});
  request.columns = {"doc.n"};
  const Found found = Find(request, {&source});
  EXPECT_EQ(found.values(),
            (std::vector<Row>{{S("9.5")}, {S("10")}, {S("\"x\"")}, {S("true")}, {Value()}}));
  EXPECT_EQ(found.columns[0].name, "doc.n");
  EXPECT_EQ(found.columns[0].type, DataType(TypeKind::kJson));
  request = {};
  request.filter = Where("doc.n", Operator::kGt, Number("9.75"));
  EXPECT_EQ(Find(request, {&source}).values(), (std::vector<Row>{{S(R"({"n":10,"t":"b"})")}}));
}

TEST(SearchTest, StatisticsPruneSegmentsAndRowGroups) {
  TestSource source("s", SchemaOf({{"v", TypeKind::kInt64}}));
  for (std::int64_t segment = 0; segment < 4; ++segment) {
    std::vector<Row> rows;
    for (std::int64_t i = 0; i < 100; ++i) rows.push_back({I(segment * 100 + i)});
    source.AddSegment(rows, 10);
  }
  SearchRequest request;
  request.filter = Where("v", Operator::kEq, Number("123"));
  const Found found = Find(request, {&source});
  EXPECT_EQ(found.values(), (std::vector<Row>{{I(123)}}));
  EXPECT_EQ(found.stats.segments_total, 4u);
  EXPECT_EQ(found.stats.segments_pruned, 3u);
  EXPECT_EQ(found.stats.rows_scanned, 10u);
  EXPECT_GT(found.stats.bytes_read, 0u);
  request.filter = Where("_seq", Operator::kLte, Number("5"));
  EXPECT_EQ(Find(request, {&source}).rows.size(), 5u);
}

TEST(SearchTest, UnknownColumnsAreRefusedWhereTheyStand) {
  TestSource source("s", SchemaOf({{"v", TypeKind::kInt64}}));
  const auto pointer = [&](const SearchRequest& request) {
    const Status status = Refused(request, {&source});
    EXPECT_EQ(status.code(), Code::kUnknownColumn);
    return status.fields().empty() ? "" : status.fields()[0].pointer;
  };
  SearchRequest request;
  request.filter = Where("nope", Operator::kEq, Number("1"));
  EXPECT_EQ(pointer(request), "/filters/nope");
  request = {};
  request.columns = {"v", "nope"};
  EXPECT_EQ(pointer(request), "/columns/1");
  EXPECT_EQ(pointer(Ordered({{"nope", Direction::kAscending}})), "/order_by/0/column");
}

TEST(SearchTest, AFailingSinkEndsTheSearchWithItsFailure) {
  Random random(testing::SeedFromEnvironment());
  const Mixed mixed(random);
  for (const SearchRequest& request : {SearchRequest{}, Ordered({{"v", Direction::kAscending}})}) {
    int calls = 0;
    const auto result = Search(request, {&mixed.source}, [&](const ResultBatch&) -> Status {
      return ++calls == 2 ? Status(Code::kCancelled, "the client went away") : Status::Ok();
    });
    EXPECT_EQ(result.status().code(), Code::kCancelled);
    EXPECT_EQ(calls, 2);
  }
}

TEST(SearchTest, ACancelledSearchStops) {
  Random random(testing::SeedFromEnvironment());
  const Mixed mixed(random);
  Env env;
  env.context.cancel.Cancel();
  const auto result = RunSearch({}, {mixed.source.snapshot()}, env.context,
                                [](const ResultBatch&) { return Status::Ok(); });
  EXPECT_EQ(result.status().code(), Code::kCancelled);
}

TEST(SearchTest, OlderRowsAreShownInTheNewestSchema) {
  TestSource source("s", SchemaOf({{"v", TypeKind::kInt32}}));
  source.AddSegment({{I(1)}});
  source.AddHot({{I(2)}});
  source.Evolve(std::make_shared<Schema>(
      2, 2, std::vector<Column>{{1, "v", TypeKind::kInt64}, {2, "w", TypeKind::kString}}));
  source.AddHot({{I(5'000'000'000), S("x")}});
  EXPECT_EQ(Find({}, {&source}).values(),
            (std::vector<Row>{{I(1), Value()}, {I(2), Value()}, {I(5'000'000'000), S("x")}}));
  SearchRequest request;
  request.filter = Where("v", Operator::kLt, Number("5000000000"));
  EXPECT_EQ(Find(request, {&source}).rows.size(), 2u);
  EXPECT_EQ(Find(Ordered({{"v", Direction::kDescending}}, 1), {&source}).values().front()[1],
            S("x"));
}

}  // namespace
}  // namespace granary::query
