// What page indexes save: a range of the column that the rows are in the order of, as one segment
// of a million orders, with and without them, decoded anew each time and out of the column cache.
#include <benchmark/benchmark.h>

#include <random>

#include <arrow/api.h>

#include "granary/base/check.h"
#include "granary/io/failpoint.h"
#include "granary/io/posix_file_system.h"
#include "granary/query/exec/access_plan.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/search.h"
#include "granary/storage/segment/segment_writer.h"
#include "granary/testing/temp_directory.h"

namespace granary::query {
namespace {

constexpr std::int64_t kRows = 1'000'000;

template <typename T>
T Done(Result<T> result) {
  GRANARY_CHECK(result.ok(), "{}", result.status().ToString());
  return result.Take();
}

/// day (microseconds, in the order of arrival), customer (100,000 values), region (8), amount.
class Orders {
 public:
  explicit Orders(std::uint64_t cache_bytes)
      : segment_files_(files_, {.column_cache_bytes = cache_bytes}) {
    const auto schema =
        std::make_shared<Schema>(1, 4,
                                 std::vector<Column>{{1, "day", TypeKind::kInt64},
                                                     {2, "customer", TypeKind::kString},
                                                     {3, "region", TypeKind::kString},
                                                     {4, "amount", TypeKind::kFloat64}});
    auto writer = Done(storage::SegmentWriter::Create(
        files_, io::Failpoints::None(), directory_.path(), "orders.parquet", schema, {}));
    arrow::Int64Builder day;
    arrow::StringBuilder customer, region;
    arrow::DoubleBuilder amount;
    arrow::Int64Builder sequence;
    std::mt19937_64 random(42);
    for (std::int64_t row = 0; row < kRows; ++row) {
      const auto jitter = static_cast<std::int64_t>(random() % 86'400'000'000);
      GRANARY_CHECK(day.Append(row * 94'694'400 + jitter).ok() &&
                    customer.Append("CUST_" + std::to_string(random() % 100'000)).ok() &&
                    region.Append("region-" + std::to_string(random() % 8)).ok() &&
                    amount.Append(static_cast<double>(random() % 1'000'000) / 100).ok() &&
                    sequence.Append(row + 1).ok());
    }
    const auto finish = [](auto& builder) { return builder.Finish().ValueOrDie(); };
    const auto batch = arrow::RecordBatch::Make(
        schema->ToArrow(), kRows, {finish(day), finish(customer), finish(region), finish(amount)});
    const Status written =
        writer->Append(batch, std::static_pointer_cast<arrow::Int64Array>(finish(sequence)));
    GRANARY_CHECK(written.ok(), "{}", written.ToString());
    storage::SegmentMeta meta = Done(writer->Finish());
    meta.id = SegmentId{1};
    snapshot_.id = Done(SourceId::Parse("orders"));
    snapshot_.schema = schema;
    snapshot_.visible_sequence = kRows;
    snapshot_.segments.push_back(std::make_shared<storage::Segment>(
        segment_files_, directory_.path(), std::move(meta), schema));
  }
  const storage::SourceSnapshot& snapshot() const { return snapshot_; }

 private:
  testing::TempDirectory directory_;
  io::PosixFileSystem files_;
  storage::SegmentFiles segment_files_;
  storage::SourceSnapshot snapshot_;
};

Filter SomeDays(std::int64_t days) {
  Filter filter;
  filter.kind = Filter::Kind::kCompare;
  filter.column = "day";
  filter.op = Operator::kBetween;
  const auto at = [](std::int64_t day) {
    return Literal{Literal::Kind::kNumber, false, std::to_string(day * 86'400'000'000), {}};
  };
  filter.literal = {Literal::Kind::kList, false, {}, {at(500), at(500 + days)}};
  return filter;
}

enum Plan : std::int64_t { kWhole, kByPages, kChosen };

OptimizerOptions OptionsOf(std::int64_t plan) {
  OptimizerOptions options;
  options.enabled = plan != kWhole;
  if (plan == kByPages) options.forced = kPages;
  return options;
}

const Orders& OrdersOf(bool cached) {
  static const Orders cold(0), warm(256u << 20);
  return cached ? warm : cold;
}

void Report(benchmark::State& state, const QueryStats& stats) {
  state.counters["bytes_read"] = static_cast<double>(stats.bytes_read);
  state.counters["rows_scanned"] = static_cast<double>(stats.rows_scanned);
}

void BM_Top100(benchmark::State& state) {
  const Orders& orders = OrdersOf(state.range(1) != 0);
  const OptimizerOptions options = OptionsOf(state.range(0));
  SearchRequest request;
  request.filter = SomeDays(state.range(2));
  request.order_by = {{"amount", Direction::kDescending, "/order_by/0"}};
  request.limit = 100;
  runtime::WorkerPool pool({.threads = 1});
  QueryStats stats;
  for (auto _ : state) {
    stats = Done(RunSearch(request, {orders.snapshot()},
                           {.pool = pool, .parallelism = 1, .cancel = {}, .optimizer = &options},
                           [](const ResultBatch&) { return Status::Ok(); }));
  }
  Report(state, stats);
}

void BM_Aggregate(benchmark::State& state) {
  const Orders& orders = OrdersOf(state.range(1) != 0);
  const OptimizerOptions options = OptionsOf(state.range(0));
  AggregateRequest request;
  request.filter = SomeDays(state.range(2));
  request.group_by = {{"region", {}, "region", "/group_by/0"}};
  request.aggregations = {{.type = AggregateType::kSum, .column = "amount", .alias = "sum"}};
  runtime::WorkerPool pool({.threads = 1});
  QueryStats stats;
  for (auto _ : state) {
    stats =
        Done(RunAggregate(request, {orders.snapshot()},
                          {.pool = pool, .parallelism = 1, .cancel = {}, .optimizer = &options}))
            .stats;
  }
  Report(state, stats);
}

void Shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"plan", "cached", "days"})->Unit(benchmark::kMillisecond);
  for (const std::int64_t days : {2, 30, 300, 1200}) {
    for (const std::int64_t cached : {0, 1}) {
      for (const std::int64_t plan : {kWhole, kByPages, kChosen}) bench->Args({plan, cached, days});
    }
  }
}
BENCHMARK(BM_Top100)->Apply(Shapes);
BENCHMARK(BM_Aggregate)->Apply(Shapes);

}  // namespace
}  // namespace granary::query
