// Goal: an index changes what a search costs and never what it answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "granary/query/exec/access_plan.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/query_test_support.h"
#include "granary/query/exec/search.h"
#include "granary/testing/seed.h"

namespace granary::query {
namespace {

using storage::IndexKind;

constexpr ColumnId kId = 1, kName = 2, kAmount = 3;

Value I(std::int64_t value) { return value; }
Value S(std::string value) { return value; }

SchemaPtr TestSchema() {
  return SchemaOf(
      {{"id", TypeKind::kInt64}, {"name", TypeKind::kString}, {"amount", TypeKind::kFloat64}});
}

Literal Number(std::string text) { return {Literal::Kind::kNumber, false, std::move(text), {}}; }
Literal Text(std::string text) { return {Literal::Kind::kString, false, std::move(text), {}}; }
Literal List(std::vector<Literal> items) {
  return {Literal::Kind::kList, false, {}, std::move(items)};
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
Filter All(Filter::Kind kind, std::vector<Filter> children) {
  Filter filter;
  filter.kind = kind;
  filter.children = std::move(children);
  return filter;
}

struct Found {
  std::vector<Row> rows;
  QueryStats stats;
};

Found Find(const SearchRequest& request, const storage::SourceSnapshot& source,
           const OptimizerOptions* optimizer = nullptr) {
  runtime::WorkerPool pool({.threads = 2});
  const QueryContext context{
      .pool = pool, .parallelism = 2, .cancel = {}, .batch_rows = 100, .optimizer = optimizer};
  Found found;
  found.stats = Must(RunSearch(request, {source}, context, [&](const ResultBatch& batch) -> Status {
    for (std::int64_t i = 0; i < batch.batch->num_rows(); ++i) {
      Row row;
      for (const auto& column : batch.batch->columns()) row.push_back(ValueAt(*column, i));
      found.rows.push_back(std::move(row));
    }
    return Status::Ok();
  }));
  return found;
}
Found Find(const SearchRequest& request, const TestSource& source) {
  return Find(request, source.snapshot());
}
Found Find(Filter filter, const TestSource& source) {
  SearchRequest request;
  request.filter = std::move(filter);
  return Find(request, source);
}

std::vector<Row> SomeRows(int first, int count) {
  std::vector<Row> rows;
  for (int i = first; i < first + count; ++i) {
    rows.push_back({i % 13 == 0 ? Value() : I(i),
                    i % 7 == 0 ? Value() : S("n" + std::to_string(i % 500)),
                    Value((i * 37 % 1000) / 8.0)});
  }
  return rows;
}

TEST(IndexSearchTest, APointLookUpReadsTheRowsOfTheKeyAlone) {
  TestSource source("s", TestSchema());
  source.AddIndex({kName, IndexKind::kHash});
  source.AddSegment(SomeRows(0, 5000));
  const Found found = Find(Where("name", Operator::kEq, Text("n41")), source);
  EXPECT_EQ(found.rows.size(), 9u);  // Of ten, one is a multiple of 7.
  EXPECT_EQ(found.stats.rows_scanned, 9u);
  EXPECT_TRUE(found.stats.access_paths.contains("hash_index"));
  EXPECT_FALSE(found.stats.access_paths.contains("full_scan"));
}

TEST(IndexSearchTest, AKeyThatIsNowherePrunesTheSegment) {
  TestSource source("s", TestSchema());
  source.AddIndex({kAmount, IndexKind::kBloom});
  source.AddSegment(SomeRows(0, 5000));
  // 0.0625 is between the least and the greatest value and no multiple of an eighth.
  const Found found = Find(Where("amount", Operator::kEq, Number("0.0625")), source);
  EXPECT_TRUE(found.rows.empty());
  EXPECT_EQ(found.stats.segments_pruned, 1u);
  EXPECT_EQ(found.stats.rows_scanned, 0u);
  EXPECT_TRUE(found.stats.access_paths.contains("bloom"));
}

TEST(IndexSearchTest, HotRowsHaveHashIndicesToo) {
  TestSource source("s", TestSchema());
  source.AddIndex({kId, IndexKind::kBtree});
  source.AddHot(SomeRows(0, 5000));
  const Found found =
      Find(Where("id", Operator::kIn, List({Number("17"), Number("4242")})), source);
  EXPECT_EQ(found.rows.size(), 2u);
  EXPECT_EQ(found.stats.rows_scanned, 2u);
  EXPECT_EQ(found.stats.access_paths, (std::set<std::string>{"hash_index", "hot"}));
}

TEST(IndexSearchTest, HotRowsAreFoundInTheOrderOfAColumnToo) {
  TestSource source("s", TestSchema());
  source.AddIndex({kId, IndexKind::kBtree});
  source.AddIndex({kName, IndexKind::kBtree});
  source.AddIndex({kAmount, IndexKind::kBtree});
  source.AddHot(SomeRows(0, 5000));
  const std::set<std::string> by_tree = {"btree_index", "hot"};
  const auto expect = [&](const Found& found, std::size_t rows, std::uint64_t scanned_max) {
    EXPECT_EQ(found.rows.size(), rows);
    EXPECT_LE(found.stats.rows_scanned, scanned_max);
    EXPECT_EQ(found.stats.access_paths, by_tree);
  };
  const Filter range = All(Filter::Kind::kAnd, {Where("id", Operator::kGte, Number("105")),
                                                Where("id", Operator::kLt, Number("116"))});
  expect(Find(range, source), 11, 12);
  expect(Find(Where("name", Operator::kStartsWith, Text("n41")), source), 95, 95);
  SearchRequest first;
  first.order_by = {{"amount", Direction::kDescending, "/order_by/0"}};
  first.limit = 7;
  const Found top = Find(first, source);
  expect(top, 7, 20);
  EXPECT_EQ(top.rows[0][2], Value(999 / 8.0));
  EXPECT_EQ(top.rows[6][2], Value(998 / 8.0));
  const Found none = Find(Where("id", Operator::kGt, Number("90000")), source);
  EXPECT_TRUE(none.rows.empty());
  EXPECT_EQ(none.stats.rows_scanned, 0u);
}

TEST(IndexSearchTest, HotRowsOutsideTheOrderOfAColumnAreFoundAsWell) {
  TestSource source("s", TestSchema());
  source.AddIndex({kId, IndexKind::kBtree});
  source.AddHot(SomeRows(1, 1000));
  SearchRequest last;
  last.order_by = {{"id", Direction::kDescending, "/order_by/0"}};
  last.limit = 980;  // More than have an id: nulls come last.
  EXPECT_EQ(Find(last, source).rows.size(), 980u);
  EXPECT_EQ(Find(last, source).stats.rows_scanned, 1000u);
  EXPECT_EQ(Find(Where("id", Operator::kGt, Number("1")), source).rows.size(), 923u);
}

TEST(IndexSearchTest, TheFirstRowsOfAnOrderComeFromTheTree) {
  TestSource source("s", TestSchema());
  source.AddIndex({kAmount, IndexKind::kBtree});
  source.AddSegment(SomeRows(0, 5000));
  for (const Direction direction : {Direction::kAscending, Direction::kDescending}) {
    SearchRequest request;
    request.order_by = {{"amount", direction, "/order_by/0"}};
    request.limit = 7;
    const Found found = Find(request, source);
    ASSERT_EQ(found.rows.size(), 7u);
    EXPECT_LE(found.stats.rows_scanned, 20u);
    EXPECT_TRUE(found.stats.access_paths.contains("btree_index"));
    EXPECT_EQ(found.rows[0][2], Value(direction == Direction::kAscending ? 0.0 : 999 / 8.0));
  }
}

// Statistics keep the first bytes of a string, so the last of these are told by the tree alone.
TEST(IndexSearchTest, MinAndMaxComeFromTheEndsOfTheTree) {
  const std::string same(300, 'z');
  std::vector<Row> rows = SomeRows(0, 5000);
  rows[70][1] = S(same + "b");
  rows[2000][1] = S(same + "c");
  rows[4000][1] = S(same + "a");
  for (const bool indexed : {true, false}) {
    TestSource source("s", TestSchema());
    if (indexed) source.AddIndex({kName, IndexKind::kBtree});
    source.AddSegment(rows, 1000);
    source.AddHot(SomeRows(5000, 10));
    AggregateRequest request;
    request.aggregations = {{.type = AggregateType::kMin, .column = "name", .alias = "low"},
                            {.type = AggregateType::kMax, .column = "name", .alias = "high"}};
    runtime::WorkerPool pool({.threads = 2});
    const AggregateAnswer answer =
        Must(RunAggregate(request, {source.snapshot()}, {.pool = pool, .cancel = {}}));
    EXPECT_EQ(answer.rows[0], (Row{S("n0"), S(same + "c")}));
    EXPECT_EQ(answer.stats.access_paths.contains("btree_index"), indexed);
    EXPECT_EQ(answer.stats.rows_scanned < 50, indexed);
  }
}

TEST(IndexSearchTest, ADamagedIndexIsNotBelieved) {
  for (const IndexKind kind : {IndexKind::kHash, IndexKind::kBtree, IndexKind::kBloom}) {
    TestSource source("s", TestSchema());
    source.AddIndex({kName, kind});
    source.AddSegment(SomeRows(0, 3000));
    const auto& meta = source.snapshot().segments[0]->meta();
    const std::string path = "/s/" + storage::IndexPath(meta.path, meta.indexes[0].key);
    for (std::uint64_t at = 0; at < meta.indexes[0].bytes; at += 1024)
      ASSERT_TRUE(source.files().FlipBits(path, at, 0xFF).ok());
    const Found found = Find(Where("name", Operator::kEq, Text("n41")), source);
    EXPECT_EQ(found.rows.size(), 5u);
    EXPECT_TRUE(found.stats.access_paths.contains("full_scan"));
  }
}

class RandomFilter {
 public:
  explicit RandomFilter(std::mt19937_64& random) : random_(random) {}

  Filter Next(int depth = 2) {
    const std::uint64_t pick = Below(depth > 0 ? 12 : 9);
    switch (pick) {
      case 0: return Where("id", Operator::kEq, Id());
      case 1: return Where("id", Operator::kIn, List({Id(), Id(), Id()}));
      case 2: return Where("id", Operator::kGte, Id());
      case 3: return Where("id", Operator::kLt, Id());
      case 4: return Where("name", Operator::kEq, Name());
      case 5: return Where("name", Operator::kStartsWith, Text("n" + std::to_string(Below(60))));
      case 6: return Where("name", Operator::kLike, Text("n" + std::to_string(Below(60)) + "_%"));
      case 7: return Where("amount", Operator::kBetween, List({Amount(0), Amount(5)}));
      case 8: return Where("name", Operator::kNe, Name());
      case 9: return All(Filter::Kind::kNot, {Next(depth - 1)});
      case 10: return All(Filter::Kind::kOr, {Next(depth - 1), Next(depth - 1)});
      default: return All(Filter::Kind::kAnd, {Next(depth - 1), Next(depth - 1), Next(0)});
    }
  }

 private:
  std::uint64_t Below(std::uint64_t n) { return random_() % n; }
  Literal Id() { return Number(std::to_string(Below(9000))); }
  Literal Name() { return Text("n" + std::to_string(Below(520))); }
  Literal Amount(int more) {
    return Number(std::to_string(static_cast<int>(Below(20)) + more * 4));
  }
  std::mt19937_64& random_;
};

TEST(IndexSearchTest, AnswersAreTheSameWithAndWithoutIndexes) {
  const std::uint64_t seed = testing::SeedFromEnvironment();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const auto fill = [](TestSource& source) {
    source.AddSegment(SomeRows(0, 3000), 700);
    source.AddSegment(SomeRows(3000, 3000), 5000);
    source.AddHot(SomeRows(6000, 2000));
  };
  TestSource plain("s", TestSchema()), indexed("s", TestSchema());
  fill(plain);
  for (const ColumnId column : {kId, kName, kAmount}) {
    indexed.AddIndex({column, IndexKind::kBtree});
    if (column != kAmount) indexed.AddIndex({column, IndexKind::kHash});
    indexed.AddIndex({column, IndexKind::kBloom});
  }
  fill(indexed);
  RandomFilter next(random);
  int by_index = 0;
  for (int i = 0; i < 400; ++i) {
    SearchRequest request;
    request.filter = next.Next();
    if (i % 3 == 1) request.order_by = {{"amount", Direction::kDescending, "/order_by/0"}};
    if (i % 5 == 1) request.filter.reset();
    if (i % 2 == 1) request.limit = 1 + random() % 50;
    const Found expected = Find(request, plain), found = Find(request, indexed);
    ASSERT_EQ(found.rows, expected.rows) << "query " << i;
    // With a limit, how far threads run ahead is chance.
    if (!request.limit) {
      ASSERT_LE(found.stats.rows_scanned, expected.stats.rows_scanned) << "query " << i;
    }
    by_index += found.stats.access_paths.contains("hash_index") ||
                found.stats.access_paths.contains("btree_index");
  }
  EXPECT_GT(by_index, 50);
}

/// Statistics that estimates are made of, and no pruning: as wrong as they get.
storage::SourceSnapshot Poisoned(storage::SourceSnapshot snapshot, std::mt19937_64& random) {
  for (auto& segment : snapshot.segments) {
    storage::SegmentMeta meta = segment->meta();
    for (auto& [column, stats] : meta.columns) {
      switch (random() % 4) {
        case 0: stats.distinct_sketch.clear(); break;
        case 1: stats.distinct_sketch = std::string(random() % 5000, 'x'); break;
        case 2: stats.distinct_sketch = meta.columns.begin()->second.distinct_sketch; break;
        default: break;
      }
    }
    segment = segment->With(std::move(meta));
  }
  return snapshot;
}

/// Plans chosen by wrong costs, or not chosen at all.
OptimizerOptions SomeOptions(std::mt19937_64& random) {
  OptimizerOptions options;
  switch (random() % 4) {
    case 0: options.enabled = false; break;
    case 1: options.forced = static_cast<Way>(random() % kWays); break;
    case 2: options.forced = kPages; break;
    default: break;
  }
  options.page_rows = 64;
  CostModel& model = options.model;
  for (double* ns : {&model.chunk_ns, &model.decode_number_ns, &model.row_group_ns,
                     &model.check_number_ns, &model.index_lookup_ns, &model.index_row_ns,
                     &model.pick_value_ns, &model.metadata_ns, &model.worker_ns, &model.tie_ns}) {
    switch (random() % 8) {
      case 0: *ns *= 1000; break;
      case 1: *ns /= 1000; break;
      case 2: *ns = std::numeric_limits<double>::quiet_NaN(); break;
      case 3: *ns = -1; break;
      default: break;
    }
  }
  return options;
}

AggregateAnswer Count(const SearchRequest& request, const storage::SourceSnapshot& source,
                      const OptimizerOptions* optimizer, bool grouped) {
  AggregateRequest asked;
  asked.filter = request.filter;
  if (grouped) {
    asked.group_by = {{"name", {}, "name", "/group_by/0"}};
    asked.order_by = {{"name", Direction::kAscending, "/order_by/0"}};
  }
  asked.aggregations = {{.type = AggregateType::kCount, .alias = "n"},
                        {.type = AggregateType::kSum, .column = "id", .alias = "sum"},
                        {.type = AggregateType::kMin, .column = "amount", .alias = "low"}};
  runtime::WorkerPool pool({.threads = 2});
  return Must(RunAggregate(
      asked, {source}, {.pool = pool, .cancel = {}, .batch_rows = 100, .optimizer = optimizer}));
}

TEST(IndexSearchTest, NoPlanChangesAnAnswer) {
  const std::uint64_t seed = testing::SeedFromEnvironment();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  TestSource plain("s", TestSchema()), indexed("s", TestSchema());
  for (const ColumnId column : {kId, kName, kAmount}) {
    indexed.AddIndex({column, IndexKind::kBtree});
    if (column != kAmount) indexed.AddIndex({column, IndexKind::kHash});
    if (column == kName) indexed.AddIndex({column, IndexKind::kBloom});
  }
  for (TestSource* source : {&plain, &indexed}) {
    const std::int64_t page_rows = source == &plain ? 20'000 : 64;
    source->AddSegment(SomeRows(0, 3000), 700, page_rows);
    source->AddSegment(SomeRows(3000, 3000), 5000, page_rows);
    source->AddHot(SomeRows(6000, 1000));
  }
  OptimizerOptions off;
  off.enabled = false;
  RandomFilter next(random);
  int by_pages = 0;
  for (int i = 0; i < 400; ++i) {
    const storage::SourceSnapshot poisoned = Poisoned(indexed.snapshot(), random);
    const OptimizerOptions options = SomeOptions(random);
    SearchRequest request;
    request.filter = next.Next();
    if (i % 3 == 1) request.order_by = {{"amount", Direction::kDescending, "/order_by/0"}};
    if (i % 5 == 1) request.filter.reset();
    if (i % 2 == 1) request.limit = 1 + random() % 50;
    const Found expected = Find(request, plain.snapshot(), &off);
    const Found found = Find(request, poisoned, &options);
    ASSERT_EQ(found.rows, expected.rows) << "query " << i;
    by_pages += found.stats.access_paths.contains("page_index");
    const bool grouped = i % 2 == 0;
    ASSERT_EQ(Count(request, poisoned, &options, grouped).rows,
              Count(request, plain.snapshot(), &off, grouped).rows)
        << "query " << i;
  }
  EXPECT_GT(by_pages, 20);
}

TEST(IndexSearchTest, WithoutTheOptimizerNoIndexIsAsked) {
  TestSource source("s", TestSchema());
  source.AddIndex({kName, IndexKind::kHash});
  source.AddSegment(SomeRows(0, 5000));
  OptimizerOptions off;
  off.enabled = false;
  SearchRequest request;
  request.filter = Where("name", Operator::kEq, Text("n41"));
  const Found found = Find(request, source.snapshot(), &off);
  EXPECT_EQ(found.rows.size(), 9u);
  EXPECT_EQ(found.stats.access_paths, (std::set<std::string>{"full_scan"}));
}

}  // namespace
}  // namespace granary::query
