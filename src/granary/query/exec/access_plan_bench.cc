// How long planning takes over a thousand segments, half of which a filter on another column
// prunes: the median and the 99th percentile in microseconds.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "granary/base/check.h"
#include "granary/query/exec/access_plan.h"
#include "granary/query/exec/source_scan.h"
#include "granary/storage/stats/distinct_sketch.h"
#include "granary/storage/stats/value_hash.h"
#include "granary/testing/memory_file_system.h"

namespace granary::query {
namespace {

constexpr std::size_t kSegments = 1000;
constexpr std::uint64_t kRows = 100'000;

/// Of numbers between two, about `distinct` of them different.
ColumnStats Numbers(std::int64_t low, std::int64_t high, std::uint64_t distinct) {
  ColumnStats stats;
  stats.rows = kRows;
  stats.nulls = 0;
  stats.min = low;
  stats.max = high;
  stats.min_exact = stats.max_exact = true;
  stats.may_have_nan = false;
  storage::DistinctSketch sketch;
  for (std::uint64_t i = 0; i < distinct; ++i)
    sketch.Add(storage::HashValue(Value(low + static_cast<std::int64_t>(i))));
  stats.distinct_sketch = sketch.Encode();
  return stats;
}

struct ManySegments {
  ManySegments() {
    snapshot.schema =
        std::make_shared<Schema>(1, 4,
                                 std::vector<Column>{{1, "customer", TypeKind::kInt64},
                                                     {2, "amount", TypeKind::kInt64},
                                                     {3, "day", TypeKind::kInt64},
                                                     {4, "note", TypeKind::kString}});
    const ColumnStats customer = Numbers(0, 1'000'000, 50'000), amount = Numbers(0, 10'000, 5'000);
    for (std::size_t i = 0; i < kSegments; ++i) {
      storage::SegmentMeta meta;
      meta.id = SegmentId{i + 1};
      meta.rows = kRows;
      meta.bytes = kRows * 20;
      const auto day = static_cast<std::int64_t>(i);
      meta.columns = {{1, customer}, {2, amount}, {3, Numbers(day, day, 1)}};
      meta.indexes = {{{1, storage::IndexKind::kHash}}, {{2, storage::IndexKind::kBtree}}};
      snapshot.segments.push_back(std::make_shared<storage::Segment>(
          segment_files, "/s", std::move(meta), snapshot.schema));
    }
  }
  testing::MemoryFileSystem files;
  storage::SegmentFiles segment_files{files, {}};
  storage::SourceSnapshot snapshot;
};

Predicate Leaf(Predicate::Kind kind, ColumnId column, std::int64_t value) {
  Predicate leaf;
  leaf.kind = kind;
  leaf.column = column;
  leaf.type = TypeKind::kInt64;
  leaf.values = {Value(value)};
  return leaf;
}

void Plan(benchmark::State& state, const Predicate& predicate) {
  static const ManySegments source;
  const IndexQuestions questions = QuestionsOf(predicate);
  const std::vector<ColumnId> filters = predicate.Columns(), rest = {4};
  const KnownColumns typical = [](ColumnId) { return nullptr; };
  const AccessInput input{source.snapshot, &predicate, questions, filters, rest, typical};
  const OptimizerOptions options;
  std::vector<double> micros;
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(PlanAccess(input, {}, options).ok());
    micros.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
            .count());
  }
  std::sort(micros.begin(), micros.end());
  state.counters["p50_us"] = micros[micros.size() / 2];
  state.counters["p99_us"] = micros[micros.size() * 99 / 100];
}

void BM_PlanALookUp(benchmark::State& state) {
  Plan(state, Leaf(Predicate::Kind::kEqual, 1, 4711));
}
void BM_PlanALookUpAndARange(benchmark::State& state) {
  Plan(state, Predicate::And({Leaf(Predicate::Kind::kEqual, 1, 4711),
                              Leaf(Predicate::Kind::kGreater, 2, 500),
                              Leaf(Predicate::Kind::kLess, 2, 600)}));
}
void BM_PlanWhatIsHalfPruned(benchmark::State& state) {
  Plan(state, Predicate::And({Leaf(Predicate::Kind::kGreaterEqual, 3, 500),
                              Leaf(Predicate::Kind::kEqual, 1, 4711)}));
}
void BM_PlanAScan(benchmark::State& state) {
  Plan(state, Leaf(Predicate::Kind::kGreater, 2, 5000));
}

BENCHMARK(BM_PlanALookUp)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_PlanALookUpAndARange)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_PlanWhatIsHalfPruned)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_PlanAScan)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace granary::query
