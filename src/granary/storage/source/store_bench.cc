// Ingest, flush and replay on the disk under $TMPDIR.
#include <benchmark/benchmark.h>

#include <arrow/api.h>

#include <filesystem>

#include "granary/base/check.h"
#include "granary/io/posix_file_system.h"
#include "granary/storage/source/store.h"
#include "granary/testing/temp_directory.h"

namespace granary::storage {
namespace {

// Two integers, a double and two short strings, as a sale might have.
SourceDefinition Sales() {
  SourceDefinition definition;
  definition.id = SourceId::Parse("sales").Take();
  definition.columns = {{"id", TypeKind::kInt64},
                        {"quantity", TypeKind::kInt32},
                        {"amount", TypeKind::kFloat64},
                        {"customer", TypeKind::kString},
                        {"region", TypeKind::kString}};
  return definition;
}

std::shared_ptr<arrow::RecordBatch> SalesBatch(const Schema& schema, std::int64_t rows) {
  arrow::Int64Builder ids;
  arrow::Int32Builder quantities;
  arrow::DoubleBuilder amounts;
  arrow::StringBuilder customers, regions;
  for (std::int64_t i = 0; i < rows; ++i) {
    const bool ok = ids.Append(i).ok() &&
                    quantities.Append(static_cast<std::int32_t>(i % 50)).ok() &&
                    amounts.Append(static_cast<double>(i * 7919 % 100'000) / 100).ok() &&
                    customers.Append("CUST_" + std::to_string(i * 31 % 10'000)).ok() &&
                    regions.Append(i % 3 == 0 ? "us-east" : "eu-west").ok();
    GRANARY_CHECK(ok);
  }
  return arrow::RecordBatch::Make(
      schema.ToArrow(), rows,
      {ids.Finish().ValueOrDie(), quantities.Finish().ValueOrDie(), amounts.Finish().ValueOrDie(),
       customers.Finish().ValueOrDie(), regions.Finish().ValueOrDie()});
}

struct BenchStore {
  explicit BenchStore(bool background = true, Durability durability = Durability::kSync) {
    options.root = directory.Join("data");
    options.tenant = TenantId::Parse("bench").Take();
    if (!background) options.flush_rows = options.flush_bytes = std::uint64_t{1} << 60;
    Open();
    SourceDefinition definition = Sales();
    definition.durability = durability;
    source = store->AddSource(definition)->source;
  }
  void Open() {
    source.reset();
    store.reset();
    auto opened =
        Store::Open({files, clock, io::Failpoints::None(), Logger::Null(), pool}, options);
    GRANARY_CHECK(opened.ok(), "{}", opened.status().ToString());
    store = opened.Take();
  }

  testing::TempDirectory directory;
  io::PosixFileSystem files;
  io::SystemClock clock;
  runtime::WorkerPool pool{{2}};
  StoreOptions options;
  std::unique_ptr<Store> store;
  std::shared_ptr<Source> source;
};

std::unique_ptr<BenchStore> shared_store;

void Write(benchmark::State& state, Durability durability) {
  if (state.thread_index() == 0) shared_store = std::make_unique<BenchStore>(true, durability);
  std::shared_ptr<arrow::RecordBatch> batch;
  SchemaPtr schema;
  for (auto _ : state) {
    if (batch == nullptr) {
      schema = shared_store->source->schema();
      batch = SalesBatch(*schema, state.range(0));
    }
    const auto outcome = shared_store->source->Write(schema, batch);
    GRANARY_CHECK(outcome.ok(), "{}", outcome.status().ToString());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  if (state.thread_index() == 0) shared_store.reset();
}
void BM_DurableWrite(benchmark::State& state) { Write(state, Durability::kSync); }
BENCHMARK(BM_DurableWrite)->Arg(1)->Arg(100)->Arg(10'000)->Threads(1)->Threads(8)->UseRealTime();

/// Answered before the disk has it.
void BM_IntervalWrite(benchmark::State& state) { Write(state, Durability::kInterval); }
BENCHMARK(BM_IntervalWrite)->Arg(1)->Arg(100)->Threads(1)->Threads(8)->UseRealTime();

void BM_Flush(benchmark::State& state) {
  BenchStore bench(false);
  const SchemaPtr schema = bench.source->schema();
  const auto batch = SalesBatch(*schema, 10'000);
  for (auto _ : state) {
    state.PauseTiming();
    for (int i = 0; i < 50; ++i) GRANARY_CHECK(bench.source->Write(schema, batch).ok());
    state.ResumeTiming();
    GRANARY_CHECK(bench.source->Flush().ok());
  }
  state.SetItemsProcessed(state.iterations() * 500'000);
}
BENCHMARK(BM_Flush)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(3);

void BM_Reopen(benchmark::State& state) {
  BenchStore bench(false);
  const SchemaPtr schema = bench.source->schema();
  const auto batch = SalesBatch(*schema, 10'000);
  for (int i = 0; i < 250; ++i) GRANARY_CHECK(bench.source->Write(schema, batch).ok());
  std::uint64_t log_bytes = 0;
  for (const WalLaneStats& lane : bench.store->wal_stats()) log_bytes += lane.bytes;
  for (auto _ : state) bench.Open();
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(log_bytes));
}
BENCHMARK(BM_Reopen)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(3);

}  // namespace
}  // namespace granary::storage
