// Writing and reading a segment of a million rows and ten columns: the shape of a web shop's
// orders.
//   granary_storage_segment_bench --benchmark_filter=snappy
#include <benchmark/benchmark.h>

#include <random>

#include <arrow/builder.h>
#include <arrow/compute/initialize.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "granary/base/check.h"
#include "granary/io/posix_file_system.h"
#include "granary/storage/segment/segment_reader.h"
#include "granary/storage/segment/segment_writer.h"
#include "granary/storage/stats/stats_builder.h"
#include "granary/testing/temp_directory.h"

namespace granary::storage {
namespace {

constexpr std::int64_t kRows = 1'000'000;
constexpr std::int64_t kBatchRows = 65'536;

SchemaPtr OrdersSchema() {
  return std::make_shared<Schema>(
      1, 10,
      std::vector<Column>{{1, "order_id", TypeKind::kString},
                          {2, "customer_id", TypeKind::kInt64},
                          {3, "region", TypeKind::kString},
                          {4, "quantity", TypeKind::kInt32},
                          {5, "amount", TypeKind::kFloat64},
                          {6, "price", DataType::Decimal(12, 2)},
                          {7, "placed", DataType::Timestamp(TimeUnit::kNano)},
                          {8, "day", TypeKind::kDate},
                          {9, "paid", TypeKind::kBool},
                          {10, "note", TypeKind::kString}});
}

template <typename Builder, typename Make>
std::shared_ptr<arrow::Array> Fill(std::shared_ptr<arrow::DataType> type, std::int64_t first,
                                   std::int64_t rows, const Make& make) {
  Builder builder(std::move(type), arrow::default_memory_pool());
  for (std::int64_t i = first; i < first + rows; ++i) GRANARY_CHECK(builder.Append(make(i)).ok());
  return builder.Finish().ValueOrDie();
}

std::shared_ptr<arrow::RecordBatch> OrdersBatch(const Schema& schema, std::int64_t first,
                                                std::int64_t rows, std::mt19937_64& random) {
  static const char* const kRegions[] = {"eu", "us", "apac", "latam"};
  const auto type = [&](int column) {
    return schema.columns()[static_cast<std::size_t>(column)].type.ToArrow();
  };
  arrow::ArrayVector arrays = {
      Fill<arrow::StringBuilder>(
          type(0), first, rows,
          [](std::int64_t i) { return "ORD_" + std::to_string(10'000'000 + i); }),
      Fill<arrow::Int64Builder>(
          type(1), first, rows,
          [&](auto) { return static_cast<std::int64_t>(random() % 100'000); }),
      Fill<arrow::StringBuilder>(type(2), first, rows,
                                 [&](auto) { return kRegions[random() % 4]; }),
      Fill<arrow::Int32Builder>(type(3), first, rows,
                                [&](auto) { return static_cast<std::int32_t>(random() % 20); }),
      Fill<arrow::DoubleBuilder>(
          type(4), first, rows,
          [&](auto) { return static_cast<double>(random() % 1'000'000) / 7; }),
      Fill<arrow::Decimal128Builder>(
          type(5), first, rows, [&](auto) { return arrow::Decimal128(random() % 10'000'000); }),
      Fill<arrow::TimestampBuilder>(
          type(6), first, rows,
          [](std::int64_t i) { return 1'700'000'000'000'000'000 + i * 250'000; }),
      Fill<arrow::Date32Builder>(
          type(7), first, rows,
          [](std::int64_t i) { return static_cast<std::int32_t>(19'000 + i / 4'000); }),
      Fill<arrow::BooleanBuilder>(type(8), first, rows, [&](auto) { return random() % 3 != 0; }),
      Fill<arrow::StringBuilder>(
          type(9), first, rows,
          [&](auto) { return "left with neighbour " + std::to_string(random() % 5'000); }),
  };
  return arrow::RecordBatch::Make(schema.ToArrow(), rows, std::move(arrays));
}

struct Orders {
  SchemaPtr schema = OrdersSchema();
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  std::vector<std::shared_ptr<arrow::Int64Array>> sequences;

  Orders() {
    GRANARY_CHECK(arrow::compute::Initialize().ok());
    std::mt19937_64 random(42);
    for (std::int64_t first = 0; first < kRows; first += kBatchRows) {
      const std::int64_t rows = std::min(kBatchRows, kRows - first);
      batches.push_back(OrdersBatch(*schema, first, rows, random));
      sequences.push_back(std::static_pointer_cast<arrow::Int64Array>(Fill<arrow::Int64Builder>(
          arrow::int64(), first, rows, [](std::int64_t i) { return i + 1; })));
    }
  }
};

const Orders& TheOrders() {
  static const Orders orders;
  return orders;
}

SegmentMeta WriteOrders(io::FileSystem& files, const std::string& folder, Codec codec) {
  const Orders& orders = TheOrders();
  SegmentWriterOptions options;
  options.compression.codec = codec;
  auto writer = SegmentWriter::Create(files, io::Failpoints::None(), folder, "orders.parquet",
                                      orders.schema, options);
  GRANARY_CHECK(writer.ok(), "{}", writer.status().ToString());
  for (std::size_t i = 0; i < orders.batches.size(); ++i) {
    GRANARY_CHECK((*writer)->Append(orders.batches[i], orders.sequences[i]).ok());
  }
  auto meta = (*writer)->Finish();
  GRANARY_CHECK(meta.ok(), "{}", meta.status().ToString());
  return meta.Take();
}

void CountRows(benchmark::State& state, const SegmentMeta& meta) {
  state.SetItemsProcessed(state.iterations() * kRows);
  state.counters["file_MB"] = static_cast<double>(meta.bytes) / 1e6;
}

void Write(benchmark::State& state, Codec codec) {
  io::PosixFileSystem files;
  const testing::TempDirectory folder;
  TheOrders();
  SegmentMeta meta;
  for (auto _ : state) {
    meta = WriteOrders(files, folder.path(), codec);
    state.PauseTiming();
    GRANARY_CHECK(files.Remove(folder.path() + "/orders.parquet").ok());
    state.ResumeTiming();
  }
  CountRows(state, meta);
}

void Read(benchmark::State& state, Codec codec, std::vector<ColumnId> columns) {
  io::PosixFileSystem files;
  const testing::TempDirectory folder;
  const SegmentMeta meta = WriteOrders(files, folder.path(), codec);
  const auto reader = SegmentReader::Open(files, folder.path(), meta, TheOrders().schema).Take();
  for (auto _ : state) {
    for (int group = 0; group < reader->row_groups(); ++group) {
      auto batch = reader->Read(group, columns, *TheOrders().schema);
      GRANARY_CHECK(batch.ok(), "{}", batch.status().ToString());
      benchmark::DoNotOptimize(batch.value()->num_rows());
    }
  }
  CountRows(state, meta);
}

void Open(benchmark::State& state) {
  io::PosixFileSystem files;
  const testing::TempDirectory folder;
  const SegmentMeta meta = WriteOrders(files, folder.path(), Codec::kSnappy);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        SegmentReader::Open(files, folder.path(), meta, TheOrders().schema).ok());
  }
}

void Statistics(benchmark::State& state) {
  const Orders& orders = TheOrders();
  for (auto _ : state) {
    for (int i = 0; i < orders.batches[0]->num_columns(); ++i) {
      StatsBuilder builder(orders.schema->columns()[static_cast<std::size_t>(i)].type);
      for (const auto& batch : orders.batches) builder.Add(*batch->column(i));
      benchmark::DoNotOptimize(builder.Finish());
    }
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}

const std::vector<ColumnId> kAll = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, kSequenceColumnId};

BENCHMARK_CAPTURE(Write, snappy, Codec::kSnappy)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Write, zstd, Codec::kZstd)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Write, none, Codec::kNone)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Read, snappy_all, Codec::kSnappy, kAll)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Read, zstd_all, Codec::kZstd, kAll)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Read, snappy_amount, Codec::kSnappy, {5})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Read, snappy_region, Codec::kSnappy, {3})->Unit(benchmark::kMillisecond);
BENCHMARK(Open)->Unit(benchmark::kMicrosecond);
BENCHMARK(Statistics)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace granary::storage
