// How soon a query is gone that holds much when it is cancelled: from the call of Cancel, at any
// moment of its run, until the caller has its answer and every byte of its share is released.
// Milliseconds; 1 million rows, or GRANARY_BENCH_ROWS.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <random>
#include <thread>

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

using Clock = std::chrono::steady_clock;

template <typename T>
T Got(Result<T> result) {
  GRANARY_CHECK(result.ok(), "{}", result.status().ToString());
  return result.Take();
}

std::int64_t RowsHeld() {
  const char* text = std::getenv("GRANARY_BENCH_ROWS");
  return text == nullptr ? 1'000'000 : std::atoll(text);
}

/// key (no two are equal), number (likewise), amount.
class Wide {
 public:
  Wide() {
    const auto schema =
        std::make_shared<Schema>(1, 3,
                                 std::vector<Column>{{1, "key", TypeKind::kString},
                                                     {2, "number", TypeKind::kInt64},
                                                     {3, "amount", TypeKind::kFloat64}});
    snapshot_.id = Got(SourceId::Parse("wide"));
    snapshot_.schema = schema;
    arrow::StringBuilder key;
    arrow::Int64Builder number, sequence;
    arrow::DoubleBuilder amount;
    std::mt19937_64 random(7);
    for (std::int64_t row = 0; row < RowsHeld(); ++row) {
      const std::uint64_t mixed = static_cast<std::uint64_t>(row) * 0x9E3779B97F4A7C15ull;
      GRANARY_CHECK(key.Append("key-" + std::to_string(mixed)).ok() &&
                    number.Append(static_cast<std::int64_t>(mixed >> 1)).ok() &&
                    amount.Append(static_cast<double>(random() % 1'000'000'007) / 3).ok() &&
                    sequence.Append(row + 1).ok());
    }
    auto writer = Got(storage::SegmentWriter::Create(
        files_, io::Failpoints::None(), directory_.path(), "wide.parquet", schema, {}));
    const auto finish = [](auto& builder) { return builder.Finish().ValueOrDie(); };
    const Status written =
        writer->Append(arrow::RecordBatch::Make(schema->ToArrow(), RowsHeld(),
                                                {finish(key), finish(number), finish(amount)}),
                       std::static_pointer_cast<arrow::Int64Array>(finish(sequence)));
    GRANARY_CHECK(written.ok(), "{}", written.ToString());
    storage::SegmentMeta meta = Got(writer->Finish());
    meta.id = SegmentId{1};
    snapshot_.visible_sequence = static_cast<std::uint64_t>(RowsHeld());
    snapshot_.segments.push_back(std::make_shared<storage::Segment>(
        segment_files_, directory_.path(), std::move(meta), schema));
  }
  const storage::SourceSnapshot& snapshot() const { return snapshot_; }

 private:
  testing::TempDirectory directory_;
  io::PosixFileSystem files_;
  storage::SegmentFiles segment_files_{files_, {}};
  storage::SourceSnapshot snapshot_;
};

using Query = std::function<Status(const QueryContext& context)>;

Query Aggregating(AggregateType type, std::string column, bool grouped, double p = 0.5) {
  AggregateRequest request;
  if (grouped) request.group_by = {{"key", {}, "key", "/group_by/0"}};
  Aggregation aggregation{.type = type, .column = std::move(column), .alias = "a"};
  if (type == AggregateType::kPercentile) aggregation.p = p;
  request.aggregations = {aggregation};
  return [request](const QueryContext& context) {
    static const Wide wide;
    return RunAggregate(request, {wide.snapshot()}, context,
                        [](const auto&, auto) { return Status::Ok(); })
        .status();
  };
}

void Cancels(benchmark::State& state, const Query& query, std::uint64_t share_bytes) {
  runtime::WorkerPool pool({.threads = 2});
  testing::TempDirectory spill_directory;
  io::PosixFileSystem files;
  runtime::SpillSpace spill(files, spill_directory.path());
  const auto run = [&](const runtime::CancelToken& cancel, runtime::MemoryBudget* memory) {
    return query(
        {.pool = pool, .parallelism = 2, .cancel = cancel, .memory = memory, .spill = &spill});
  };
  constexpr int kCancels = 40;
  std::vector<double> ms;
  for (auto _ : state) {
    const auto begin = Clock::now();
    runtime::MemoryBudget first("query", share_bytes);
    GRANARY_CHECK(run({}, &first).ok());
    const auto whole = std::chrono::duration<double>(Clock::now() - begin).count();
    std::mt19937_64 random(1);
    for (int i = 0; i < kCancels; ++i) {
      runtime::MemoryBudget memory("query", share_bytes);
      runtime::CancelToken cancel;
      Clock::time_point gone;
      std::thread worker([&] {
        (void)run(cancel, &memory);
        while (memory.reserved() > 0) std::this_thread::yield();
        gone = Clock::now();
      });
      const double part = static_cast<double>(random() % 1000) / 1000;
      std::this_thread::sleep_for(std::chrono::duration<double>(whole * part));
      const auto cancelled = Clock::now();
      cancel.Cancel();
      worker.join();
      ms.push_back(std::max(0.0, std::chrono::duration<double>(gone - cancelled).count() * 1000));
    }
  }
  std::sort(ms.begin(), ms.end());
  state.counters["p50"] = ms[ms.size() / 2];
  state.counters["p99"] = ms[ms.size() * 99 / 100];
  state.counters["most"] = ms.back();
}

constexpr std::uint64_t kEnough = 4ull << 30, kLittle = 32u << 20;

void Register(const char* name, const Query& query, std::uint64_t share_bytes) {
  benchmark::RegisterBenchmark(name, [query, share_bytes](benchmark::State& state) {
    Cancels(state, query, share_bytes);
  })->Iterations(1);
}

[[maybe_unused]] const bool kRegistered = [] {
  Register("cancel_sum_by_1m_keys", Aggregating(AggregateType::kSum, "amount", true), kEnough);
  Register("cancel_sum_by_1m_keys_spilling", Aggregating(AggregateType::kSum, "amount", true),
           kLittle);
  Register("cancel_distinct_by_1m_keys", Aggregating(AggregateType::kCountDistinct, "number", true),
           kEnough);
  Register("cancel_distinct_keys", Aggregating(AggregateType::kCountDistinct, "key", false),
           kEnough);
  Register("cancel_distinct_numbers", Aggregating(AggregateType::kCountDistinct, "number", false),
           kEnough);
  Register("cancel_distinct_spilling", Aggregating(AggregateType::kCountDistinct, "key", false),
           kLittle);
  Register("cancel_percentile", Aggregating(AggregateType::kPercentile, "amount", false), kEnough);
  Register("cancel_percentile_by_1m_keys", Aggregating(AggregateType::kPercentile, "amount", true),
           kEnough);
  Register("cancel_percentile_spilling", Aggregating(AggregateType::kPercentile, "amount", false),
           kLittle / 8);
  const auto sorting = [](std::string column) -> Query {
    SearchRequest request;
    request.order_by = {{column, Direction::kAscending, "/order_by/0"}};
    return [request](const QueryContext& context) {
      static const Wide wide;
      return RunSearch(request, {wide.snapshot()}, context,
                       [](const ResultBatch&) { return Status::Ok(); })
          .status();
    };
  };
  Register("cancel_sort_by_key", sorting("key"), kEnough);
  Register("cancel_sort_by_amount", sorting("amount"), kEnough);
  Register("cancel_sort_spilling", sorting("key"), kLittle);
  return true;
}();

}  // namespace
}  // namespace granary::query
