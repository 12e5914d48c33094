// What an append and a view cost. Aim: a row of 20 columns in at most 2 us.
#include "granary/storage/memtable/memtable.h"

#include <arrow/api.h>
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

namespace granary::storage {
namespace {

constexpr int kColumns = 20;

SchemaPtr MakeSchema() {
  std::vector<Column> columns;
  for (int i = 0; i < kColumns; ++i) {
    const DataType types[] = {TypeKind::kInt64, TypeKind::kFloat64, TypeKind::kString,
                              TypeKind::kBool, DataType::Timestamp(TimeUnit::kMicro)};
    columns.push_back({i + 1, "column_" + std::to_string(i), types[i % 5]});
  }
  return std::make_shared<const Schema>(1, kColumns, std::move(columns));
}

std::shared_ptr<arrow::RecordBatch> MakeBatch(const Schema& schema, std::int64_t rows, bool nulls) {
  arrow::ArrayVector columns;
  for (const Column& column : schema.columns()) {
    const auto type = column.type.ToArrow();
    std::unique_ptr<arrow::ArrayBuilder> builder;
    if (!arrow::MakeBuilder(arrow::default_memory_pool(), type, &builder).ok()) std::abort();
    const auto value = column.type.kind() == TypeKind::kString
                           ? arrow::MakeScalar("some text")
                           : arrow::MakeScalar(std::int64_t{1})->CastTo(type).ValueOrDie();
    for (std::int64_t i = 0; i < rows; ++i) {
      const bool null = nulls && (i + column.id) % 4 == 0;
      if (!(null ? builder->AppendNull() : builder->AppendScalar(*value)).ok()) std::abort();
    }
    columns.push_back(*builder->Finish());
  }
  return arrow::RecordBatch::Make(schema.ToArrow(), rows, std::move(columns));
}

void BM_Append(benchmark::State& state) {
  const SchemaPtr schema = MakeSchema();
  const auto batch = MakeBatch(*schema, state.range(0), state.range(1) != 0);
  auto table = std::make_unique<Memtable>();
  std::uint64_t sequence = 1;
  for (auto _ : state) {
    if (!table->Append(schema, *batch, sequence).ok()) state.SkipWithError("append failed");
    sequence += static_cast<std::uint64_t>(state.range(0));
    if (sequence % 1'000'000 < static_cast<std::uint64_t>(state.range(0))) {
      state.PauseTiming();
      table = std::make_unique<Memtable>();
      state.ResumeTiming();
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Append)->ArgNames({"rows", "nulls"})->ArgsProduct({{1, 10, 1000}, {0, 1}});

/// A search after every write.
void BM_AppendAndView(benchmark::State& state) {
  const SchemaPtr schema = MakeSchema();
  const auto batch = MakeBatch(*schema, 1, true);
  Memtable table;
  std::uint64_t sequence = 1;
  for (auto _ : state) {
    if (!table.Append(schema, *batch, sequence++).ok()) state.SkipWithError("append failed");
    benchmark::DoNotOptimize(table.View());
  }
}
BENCHMARK(BM_AppendAndView)->Iterations(60'000);

void BM_ViewUnchanged(benchmark::State& state) {
  const SchemaPtr schema = MakeSchema();
  Memtable table;
  if (!table.Append(schema, *MakeBatch(*schema, 100'000, true), 1).ok())
    state.SkipWithError("append failed");
  for (auto _ : state) benchmark::DoNotOptimize(table.View());
}
BENCHMARK(BM_ViewUnchanged);

}  // namespace
}  // namespace granary::storage
