// How fast queries run over segments on disk (in the page cache): rows/s of the shapes that
// dashboards ask for. 2 million rows, or GRANARY_BENCH_ROWS.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <random>

#include <arrow/api.h>

#include "granary/base/check.h"
#include "granary/io/failpoint.h"
#include "granary/io/posix_file_system.h"
#include "granary/query/exec/aggregate.h"
#include "granary/query/exec/search.h"
#include "granary/storage/segment/segment_writer.h"
#include "granary/testing/temp_directory.h"

namespace granary::query {
namespace {

template <typename T>
T Must(Result<T> result) {
  GRANARY_CHECK(result.ok(), "{}", result.status().ToString());
  return result.Take();
}

std::int64_t BenchRows() {
  const char* text = std::getenv("GRANARY_BENCH_ROWS");
  return text == nullptr ? 2'000'000 : std::atoll(text);
}

/// order_id, region (8 values), customer (100,000 values), amount, quantity, order_date
/// (increasing).
class BenchSource {
 public:
  BenchSource() {
    schema_ = std::make_shared<Schema>(
        1, 6,
        std::vector<Column>{{1, "order_id", TypeKind::kInt64},
                            {2, "region", TypeKind::kString},
                            {3, "customer", TypeKind::kString},
                            {4, "amount", TypeKind::kFloat64},
                            {5, "quantity", TypeKind::kInt32},
                            {6, "order_date", DataType::Timestamp(TimeUnit::kMicro)}});
    snapshot_.id = Must(SourceId::Parse("bench"));
    snapshot_.schema = schema_;
    constexpr std::int64_t kPerSegment = 1'000'000;
    for (std::int64_t first = 0; first < BenchRows(); first += kPerSegment) {
      AddSegment(first, std::min(kPerSegment, BenchRows() - first));
    }
    snapshot_.visible_sequence = BenchRows();
  }
  const storage::SourceSnapshot& snapshot() const { return snapshot_; }

 private:
  void AddSegment(std::int64_t first, std::int64_t rows) {
    const std::string path = "segment-" + std::to_string(first) + ".parquet";
    auto writer = Must(storage::SegmentWriter::Create(files_, io::Failpoints::None(),
                                                      directory_.path(), path, schema_, {}));
    constexpr std::int64_t kBatch = 131'072;
    for (std::int64_t done = 0; done < rows; done += kBatch)
      Write(*writer, first + done, std::min(kBatch, rows - done));
    storage::SegmentMeta meta = Must(writer->Finish());
    meta.id = SegmentId{snapshot_.segments.size() + 1};
    snapshot_.segments.push_back(std::make_shared<storage::Segment>(
        segment_files_, directory_.path(), std::move(meta), schema_));
  }

  void Write(storage::SegmentWriter& writer, std::int64_t first, std::int64_t rows) {
    arrow::Int64Builder order_id, sequences;
    arrow::StringBuilder region, customer;
    arrow::DoubleBuilder amount;
    arrow::Int32Builder quantity;
    arrow::TimestampBuilder date(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                 arrow::default_memory_pool());
    static const std::vector<std::string> regions = {
        "us-east", "us-west", "eu-west", "eu-central", "ap-south", "ap-north", "sa-east", "africa"};
    for (std::int64_t row = first; row < first + rows; ++row) {
      const bool ok = order_id.Append(row * 7 % 1'000'003).ok() && sequences.Append(row + 1).ok() &&
                      region.Append(regions[random_() % regions.size()]).ok() &&
                      customer.Append("CUST_" + std::to_string(random_() % 100'000)).ok() &&
                      amount.Append(static_cast<double>(random_() % 1'000'000) / 100).ok() &&
                      quantity.Append(static_cast<std::int32_t>(random_() % 100)).ok() &&
                      date.Append(1'700'000'000'000'000 + row * 10'000'000).ok();
      GRANARY_CHECK(ok);
    }
    const auto finish = [](auto& builder) { return builder.Finish().ValueOrDie(); };
    const auto batch = arrow::RecordBatch::Make(schema_->ToArrow(), rows,
                                                {finish(order_id), finish(region), finish(customer),
                                                 finish(amount), finish(quantity), finish(date)});
    const Status status =
        writer.Append(batch, std::static_pointer_cast<arrow::Int64Array>(finish(sequences)));
    GRANARY_CHECK(status.ok(), "{}", status.ToString());
  }

  testing::TempDirectory directory_;
  io::PosixFileSystem files_;
  storage::SegmentFiles segment_files_{files_, {}};
  SchemaPtr schema_;
  storage::SourceSnapshot snapshot_;
  std::mt19937_64 random_{42};
};

const storage::SourceSnapshot& Snapshot() {
  static const BenchSource source;
  return source.snapshot();
}

Filter Where(std::string column, Operator op, Literal literal) {
  Filter filter;
  filter.kind = Filter::Kind::kCompare;
  filter.column = std::move(column);
  filter.op = op;
  filter.literal = std::move(literal);
  return filter;
}
Literal Number(std::string text) { return {Literal::Kind::kNumber, false, std::move(text), {}}; }
Literal Text(std::string text) { return {Literal::Kind::kString, false, std::move(text), {}}; }

Aggregation Agg(AggregateType type, std::string column = "") {
  Aggregation aggregation;
  aggregation.type = type;
  aggregation.alias = "result";
  if (!column.empty()) aggregation.column = std::move(column);
  return aggregation;
}

void Aggregate(benchmark::State& state, const AggregateRequest& request) {
  runtime::WorkerPool pool({.threads = 2});
  const QueryContext context{
      .pool = pool, .parallelism = static_cast<std::size_t>(state.range(0)), .cancel = {}};
  const std::vector<storage::SourceSnapshot> sources = {Snapshot()};
  for (auto _ : state) benchmark::DoNotOptimize(Must(RunAggregate(request, sources, context)));
  state.SetItemsProcessed(state.iterations() * BenchRows());
}

AggregateRequest Ask(Aggregation aggregation, std::vector<std::string> groups = {},
                     GroupTransform transform = {}) {
  AggregateRequest request;
  request.aggregations = {std::move(aggregation)};
  for (std::string& group : groups)
    request.group_by.push_back({group, transform, group, "/group_by/0"});
  return request;
}

void BM_SumFloat(benchmark::State& state) {
  Aggregate(state, Ask(Agg(AggregateType::kSum, "amount")));
}
void BM_SumInt(benchmark::State& state) {
  Aggregate(state, Ask(Agg(AggregateType::kSum, "quantity")));
}
void BM_SumByRegion(benchmark::State& state) {
  Aggregate(state, Ask(Agg(AggregateType::kSum, "amount"), {"region"}));
}
void BM_SumByCustomer(benchmark::State& state) {
  Aggregate(state, Ask(Agg(AggregateType::kSum, "amount"), {"customer"}));
}
void BM_SumByOrder(benchmark::State& state) {
  Aggregate(state, Ask(Agg(AggregateType::kSum, "amount"), {"order_id"}));
}
void BM_SumByRegionAndQuantity(benchmark::State& state) {
  Aggregate(state, Ask(Agg(AggregateType::kSum, "amount"), {"region", "quantity"}));
}
void BM_CountByMonth(benchmark::State& state) {
  Aggregate(state, Ask(Agg(AggregateType::kCount), {"order_date"}, DatePart::kMonth));
}
void BM_DistinctCustomers(benchmark::State& state) {
  Aggregate(state, Ask(Agg(AggregateType::kCountDistinct, "customer")));
}
void BM_Stddev(benchmark::State& state) {
  Aggregate(state, Ask(Agg(AggregateType::kStddev, "amount")));
}
void BM_Percentile(benchmark::State& state) {
  Aggregate(state, Ask(Agg(AggregateType::kPercentile, "amount")));
}
void BM_CountFilteredByNumber(benchmark::State& state) {
  AggregateRequest request = Ask(Agg(AggregateType::kCount));
  request.filter = Where("amount", Operator::kGt, Number("5000"));
  Aggregate(state, request);
}
void BM_CountFilteredByString(benchmark::State& state) {
  AggregateRequest request = Ask(Agg(AggregateType::kCount));
  request.filter = Where("region", Operator::kEq, Text("eu-west"));
  Aggregate(state, request);
}
void BM_SumFilteredByString(benchmark::State& state) {
  AggregateRequest request = Ask(Agg(AggregateType::kSum, "amount"));
  request.filter = Where("region", Operator::kEq, Text("eu-west"));
  Aggregate(state, request);
}

BENCHMARK(BM_SumFloat)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_SumInt)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_SumByRegion)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_SumByCustomer)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_SumByOrder)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_SumByRegionAndQuantity)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_CountByMonth)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_DistinctCustomers)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Stddev)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Percentile)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_CountFilteredByNumber)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_CountFilteredByString)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_SumFilteredByString)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

void Search(benchmark::State& state, const SearchRequest& request) {
  runtime::WorkerPool pool({.threads = 2});
  const QueryContext context{
      .pool = pool, .parallelism = static_cast<std::size_t>(state.range(0)), .cancel = {}};
  const std::vector<storage::SourceSnapshot> sources = {Snapshot()};
  for (auto _ : state) {
    const auto sink = [](const ResultBatch& rows) {
      benchmark::DoNotOptimize(rows.batch->num_rows());
      return Status::Ok();
    };
    benchmark::DoNotOptimize(Must(RunSearch(request, sources, context, sink)));
  }
  state.SetItemsProcessed(state.iterations() * BenchRows());
}

SearchRequest Top(std::string column, Direction direction) {
  SearchRequest request;
  request.order_by = {{std::move(column), direction, "/order_by/0"}};
  request.limit = 100;
  return request;
}

void BM_TopByAmount(benchmark::State& state) {
  Search(state, Top("amount", Direction::kDescending));
}
void BM_Newest(benchmark::State& state) {
  Search(state, Top("order_date", Direction::kDescending));
}
void BM_TopByCustomer(benchmark::State& state) {
  Search(state, Top("customer", Direction::kAscending));
}
void BM_PointLookUp(benchmark::State& state) {
  SearchRequest request;
  request.filter = Where("customer", Operator::kEq, Text("CUST_4711"));
  Search(state, request);
}
void BM_FirstHundred(benchmark::State& state) {
  SearchRequest request;
  request.limit = 100;
  Search(state, request);
}
void BM_StreamAll(benchmark::State& state) { Search(state, {}); }

BENCHMARK(BM_TopByAmount)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Newest)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_TopByCustomer)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_PointLookUp)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_FirstHundred)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_StreamAll)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace granary::query
