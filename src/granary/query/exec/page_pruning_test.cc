// Goal: pages that are left out hold no row that matches, and of sorted data most are left out.
#include "granary/query/exec/page_pruning.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "granary/query/exec/access_plan.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/find_rows.h"
#include "granary/query/exec/query_test_support.h"
#include "granary/query/exec/search.h"
#include "granary/query/exec/source_columns.h"
#include "granary/storage/stats/stats_test_support.h"
#include "granary/testing/seed.h"

namespace granary::query {
namespace {

using Kind = Predicate::Kind;
namespace sample = storage::sample;

Literal Number(std::int64_t value) {
  return {Literal::Kind::kNumber, false, std::to_string(value), {}};
}
Filter Where(std::string column, Operator op, Literal literal) {
  Filter filter;
  filter.kind = Filter::Kind::kCompare;
  filter.column = std::move(column);
  filter.op = op;
  filter.literal = std::move(literal);
  return filter;
}
Filter Between(std::string column, std::int64_t low, std::int64_t high) {
  Literal both{Literal::Kind::kList, false, {}, {Number(low), Number(high)}};
  return Where(std::move(column), Operator::kBetween, std::move(both));
}

/// Rows of every type that can be compared, in the order of one column.
struct SortedRows {
  SortedRows(sample::Generator& random, const std::vector<DataType>& types, std::size_t by,
             std::size_t count) {
    for (const DataType& type : types) columns.push_back(sample::RandomValues(random, type, count));
    std::vector<std::size_t> order(count);
    for (std::size_t i = 0; i < count; ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const Value &left = columns[by][a], &right = columns[by][b];
      if (IsNull(left) || IsNull(right)) return !IsNull(left) && IsNull(right);
      return Compare(left, right) < 0;
    });
    for (const std::size_t at : order) {
      Row row;
      for (const auto& column : columns) row.push_back(column[at]);
      rows.push_back(std::move(row));
    }
  }
  std::vector<std::vector<Value>> columns;
  std::vector<Row> rows;
};

TEST(PagePruningTest, PagesThatAreLeftOutHoldNoRowThatMatches) {
  const std::uint64_t seed = testing::SeedFromEnvironment();
  SCOPED_TRACE(seed);
  sample::Generator random(seed);
  const std::vector<DataType> types = sample::ScalarTypes();
  std::vector<std::pair<std::string, DataType>> named;
  std::map<ColumnId, DataType> by_id;
  for (std::size_t i = 0; i < types.size(); ++i) {
    named.emplace_back("c" + std::to_string(i + 1), types[i]);
    by_id.emplace(static_cast<ColumnId>(i + 1), types[i]);
  }
  std::size_t left_out = 0, seen = 0;
  for (std::size_t by = 0; by < types.size(); ++by) {
    const SortedRows sorted(random, types, by, 600);
    TestSource source("s", SchemaOf(named));
    source.AddSegment(sorted.rows, 250, 16);
    const auto reader = Must(source.snapshot().segments[0]->Reader());
    std::vector<ColumnId> ids;
    for (const auto& [id, type] : by_id) ids.push_back(id);
    reader->LoadPages(ids);
    for (int i = 0; i < 60; ++i) {
      const Predicate predicate =
          i % 2 == 0 ? sample::RandomLeaf(random, static_cast<ColumnId>(by + 1), types[by])
                     : sample::RandomPredicate(random, by_id, 3);
      std::int64_t begin = 0;
      for (int group = 0; group < reader->row_groups(); begin += reader->rows(group++)) {
        const PagesLeft left =
            Must(PagesThatMayMatch(*reader, group, *source.snapshot().schema, predicate));
        seen += left.total;
        left_out += left.total - left.kept;
        auto span = left.rows.begin();
        for (std::int64_t row = 0; row < reader->rows(group); ++row) {
          while (span != left.rows.end() && span->end <= row) ++span;
          if (span != left.rows.end() && span->begin <= row) continue;
          std::map<ColumnId, Value> values;
          for (const ColumnId id : ids)
            values[id] =
                sorted
                    .rows[static_cast<std::size_t>(begin + row)][static_cast<std::size_t>(id - 1)];
          ASSERT_NE(sample::Evaluate(predicate, values), std::optional(true))
              << predicate.ToString(*source.snapshot().schema) << " row " << row;
        }
      }
    }
  }
  EXPECT_GT(left_out * 4, seen);
}

SchemaPtr OrdersSchema() {
  return SchemaOf(
      {{"day", TypeKind::kInt64}, {"customer", TypeKind::kInt64}, {"amount", TypeKind::kFloat64}});
}
/// In the order of their days, ten a day.
std::vector<Row> Orders(std::int64_t count) {
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < count; ++i)
    rows.push_back({i % 97 == 13 ? Value() : Value(i / 10), Value(i * 37 % 1009),
                    Value(static_cast<double>(i % 100))});
  return rows;
}

struct Searched {
  std::vector<Row> rows;
  QueryStats stats;
};
Searched Search(const SearchRequest& request, const storage::SourceSnapshot& source,
                const OptimizerOptions* options = nullptr) {
  runtime::WorkerPool pool({.threads = 2});
  Searched found;
  found.stats = Must(RunSearch(
      request, {source}, {.pool = pool, .cancel = {}, .batch_rows = 100, .optimizer = options},
      [&](const ResultBatch& batch) -> Status {
        for (std::int64_t i = 0; i < batch.batch->num_rows(); ++i) {
          Row row;
          for (const auto& column : batch.batch->columns()) row.push_back(ValueAt(*column, i));
          found.rows.push_back(std::move(row));
        }
        return Status::Ok();
      }));
  return found;
}

OptimizerOptions ByPages() {
  OptimizerOptions options;
  options.forced = kPages;
  return options;
}

TEST(PagePruningTest, ARangeOfASortedColumnReadsItsPagesAlone) {
  TestSource source("s", OrdersSchema());
  source.AddSegment(Orders(40'000), 20'000, 2000);
  SearchRequest request;
  request.filter = Between("day", 300, 309);
  const OptimizerOptions by_pages = ByPages();
  const Searched found = Search(request, source.snapshot(), &by_pages);
  // What the pages hold is kept.
  EXPECT_EQ(Search(request, source.snapshot(), &by_pages).stats.bytes_read, 0u);
  OptimizerOptions off;
  off.enabled = false;
  const Searched plain = Search(request, source.snapshot(), &off);
  EXPECT_EQ(found.rows, plain.rows);
  EXPECT_EQ(plain.stats.rows_scanned, 20'000u);
  EXPECT_LE(found.stats.rows_scanned, 4000u);
  EXPECT_LT(found.stats.bytes_read, plain.stats.bytes_read / 2);
  EXPECT_EQ(found.stats.access_paths, (std::set<std::string>{"page_index"}));
  EXPECT_EQ(plain.stats.access_paths, (std::set<std::string>{"full_scan"}));
  // Of what is decoded already a part is taken.
  const Searched again = Search(request, source.snapshot(), &by_pages);
  EXPECT_EQ(again.rows, plain.rows);
  EXPECT_EQ(again.stats.bytes_read, 0u);
  EXPECT_LE(again.stats.rows_scanned, 4000u);
}

TEST(PagePruningTest, TheCheapestWayIsByPagesWhereTheyAreClusteredAndNotElsewhere) {
  TestSource source("s", OrdersSchema());
  source.AddSegment(Orders(40'000), 40'000, 500);
  OptimizerOptions options;
  options.page_rows = 500;
  SearchRequest request;
  request.filter = Between("day", 300, 309);
  EXPECT_TRUE(
      Search(request, source.snapshot(), &options).stats.access_paths.contains("page_index"));
  // Customers lie everywhere: once that was seen, nobody looks for their pages.
  request.filter = Between("customer", 300, 301);
  for (int i = 0; i < 2; ++i) {
    const Searched found = Search(request, source.snapshot(), &options);
    EXPECT_EQ(found.stats.rows_scanned, 40'000u);
    EXPECT_FALSE(found.stats.access_paths.contains("page_index"));
  }
}

TEST(PagePruningTest, NullsAndSequencesArePrunedToo) {
  std::vector<Row> rows = Orders(4000);
  for (std::size_t i = 0; i < rows.size(); ++i)
    rows[i][0] = i >= 1000 && i < 1100 ? Value() : Value(static_cast<std::int64_t>(i));
  TestSource source("s", OrdersSchema());
  source.AddSegment(rows, 4000, 100);
  const OptimizerOptions by_pages = ByPages();
  SearchRequest request;
  request.filter = Where("day", Operator::kExists, {Literal::Kind::kBool, false, {}, {}});
  const Searched none = Search(request, source.snapshot(), &by_pages);
  EXPECT_EQ(none.rows.size(), 100u);
  EXPECT_LE(none.stats.rows_scanned, 300u);
  request.filter = Between("_seq", 2000, 2050);
  const Searched found = Search(request, source.snapshot(), &by_pages);
  EXPECT_EQ(found.rows.size(), 51u);
  EXPECT_LE(found.stats.rows_scanned, 200u);
}

TEST(PagePruningTest, DeletedRowsStayAway) {
  const std::vector<Row> rows = Orders(5000);
  TestSource source("s", OrdersSchema());
  source.AddSegment(rows, 2000, 100);
  storage::SourceSnapshot snapshot = source.snapshot();
  std::vector<storage::EndedRow> gone;
  for (std::uint32_t row = 0; row < 5000; row += 3) gone.push_back({row, 1});
  snapshot.segments[0] =
      snapshot.segments[0]->WithDeletions(std::make_shared<const storage::Deletions>(
          std::vector{storage::MakeDeletion(std::move(gone), 0)}));
  OptimizerOptions off;
  off.enabled = false;
  const OptimizerOptions by_pages = ByPages();
  for (const auto& [low, high] : {std::pair{10, 30}, {190, 210}, {0, 3}, {395, 405}}) {
    SearchRequest request;
    request.filter = Between("day", low, high);
    const Searched plain = Search(request, snapshot, &off);
    EXPECT_EQ(Search(request, snapshot, &by_pages).rows, plain.rows);
    EXPECT_LT(plain.rows.size(), static_cast<std::size_t>(high - low + 1) * 7);
    runtime::WorkerPool pool({.threads = 2});
    const auto matched = [&](const OptimizerOptions* options) {
      return Must(
          FindRows(request.filter, snapshot, {.pool = pool, .cancel = {}, .optimizer = options}));
    };
    EXPECT_EQ(matched(&by_pages).segments.begin()->second, matched(&off).segments.begin()->second);
  }
}

TEST(PagePruningTest, ADamagedPageIndexChangesNoAnswer) {
  TestSource source("s", OrdersSchema());
  source.AddSegment(Orders(5000), 5000, 100);
  const OptimizerOptions by_pages = ByPages();
  SearchRequest request;
  request.filter = Between("day", 100, 105);
  const storage::SegmentMeta& meta = source.snapshot().segments[0]->meta();
  (void)Must(source.snapshot().segments[0]->Reader());  // Opened while the footer is whole.
  ASSERT_TRUE(source.files().FlipBits("/s/" + meta.path, meta.bytes - meta.footer_bytes, 1).ok());
  const Searched found = Search(request, source.snapshot(), &by_pages);
  EXPECT_EQ(found.rows.size(), 60u);
  EXPECT_EQ(found.stats.rows_scanned, 5000u);
  EXPECT_TRUE(found.stats.access_paths.contains("full_scan"));
}

}  // namespace
}  // namespace granary::query
