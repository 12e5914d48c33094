// What opening and committing cost as a manifest grows.
#include <benchmark/benchmark.h>

#include "granary/base/check.h"
#include "granary/storage/manifest/manifest.h"
#include "granary/storage/stats/distinct_sketch.h"
#include "granary/testing/temp_directory.h"

namespace granary::storage {
namespace {

constexpr int kColumns = 19;

SegmentMeta Meta(std::uint64_t id) {
  SegmentMeta meta;
  meta.id = SegmentId{id};
  meta.path = "order_date_day=2024-01-15/seg-000000000001.parquet";
  meta.rows = 100'000;
  meta.min_sequence = id * 100'000;
  meta.max_sequence = meta.min_sequence + 99'999;
  DistinctSketch sketch;
  for (std::uint64_t i = 0; i < 3000; ++i) sketch.Add(i * 0x9E3779B97F4A7C15);
  for (ColumnId column = 1; column <= kColumns; ++column) {
    ColumnStats& stats = meta.columns[column];
    stats.rows = meta.rows;
    stats.nulls = 0;
    stats.min = Value(std::int64_t{0});
    stats.max = Value(std::int64_t{1} << 40);
    stats.distinct_sketch = sketch.Encode();
  }
  return meta;
}

struct BenchManifest {
  explicit BenchManifest(std::int64_t segments) {
    SourceDefinition definition;
    definition.id = SourceId::Parse("s").Take();
    Open();
    source = *manifest->AddSource(definition, "s", Schema(), 0);
    FlushCommit flush{source, {}, 0, 0};
    for (std::int64_t i = 1; i <= segments; ++i)
      flush.added.push_back(Meta(static_cast<std::uint64_t>(i)));
    GRANARY_CHECK(manifest->CommitFlush(flush).ok());
  }
  void Open() {
    manifest.reset();
    manifest = Manifest::Open(directory.Join("manifest.db"), io::Failpoints::None()).Take();
  }

  testing::TempDirectory directory;
  std::unique_ptr<Manifest> manifest;
  SourceUid source;
};

void BM_OpenAndLoad(benchmark::State& state) {
  BenchManifest bench(state.range(0));
  for (auto _ : state) {
    bench.Open();
    benchmark::DoNotOptimize(bench.manifest->Load());
  }
}
BENCHMARK(BM_OpenAndLoad)->Arg(1)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMillisecond);

void BM_CommitFlush(benchmark::State& state) {
  BenchManifest bench(state.range(0));
  std::uint64_t next = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    ++next;
    GRANARY_CHECK(bench.manifest->CommitFlush({bench.source, {Meta(next)}, next, 0}).ok());
  }
}
BENCHMARK(BM_CommitFlush)->Arg(1)->Arg(1000)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
}  // namespace granary::storage
