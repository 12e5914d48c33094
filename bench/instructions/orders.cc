#include "orders.h"

#include <algorithm>
#include <array>

#include <arrow/api.h>
#include <fmt/format.h>

#include "granary/io/failpoint.h"
#include "granary/json/batch_writer.h"
#include "granary/storage/index/index_builder.h"
#include "granary/storage/segment/segment_writer.h"

namespace granary::bench {
namespace {

constexpr std::array<const char*, 8> kRegions = {"us-east",  "us-west", "eu-west", "eu-north",
                                                 "ap-south", "ap-east", "sa-east", "af-south"};
constexpr std::int64_t kFirstDay = 1'704'067'200'000'000;  // 2024-01-01, in µs.

// A number of row and column that looks random: splitmix64.
std::uint64_t Chance(std::int64_t row, std::uint64_t column) {
  std::uint64_t x = static_cast<std::uint64_t>(row) * 16 + column + 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

double AmountOf(std::int64_t row) {
  return static_cast<double>(Chance(row, 1) % 100'000) / 100 + 0.5;
}

template <typename Builder>
std::shared_ptr<arrow::Array> Finished(Builder& builder) {
  return builder.Finish().ValueOrDie();
}

}  // namespace

SchemaPtr OrdersSchema() {
  static const auto schema = std::make_shared<const Schema>(
      1, 7,
      std::vector<Column>{{kOrderId, "order_id", TypeKind::kString},
                          {kCustomerId, "customer_id", TypeKind::kString},
                          {kAmount, "amount", TypeKind::kFloat64},
                          {kOrderDate, "order_date", DataType::Timestamp(TimeUnit::kMicro)},
                          {kRegion, "region", TypeKind::kString},
                          {kQuantity, "quantity", TypeKind::kInt32},
                          {kNote, "note", TypeKind::kString}});
  return schema;
}

std::string OrderIdOf(std::int64_t row) {
  return fmt::format("ord-{:08x}", static_cast<std::uint32_t>(row) * 0x9E3779B1u + 0x01234567u);
}

std::shared_ptr<arrow::RecordBatch> OrdersBatch(std::int64_t first, std::int64_t rows) {
  arrow::StringBuilder ids, customers, regions, notes;
  arrow::DoubleBuilder amounts;
  arrow::TimestampBuilder dates(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                arrow::default_memory_pool());
  arrow::Int32Builder quantities;
  for (std::int64_t row = first; row < first + rows; ++row) {
    const bool ok =
        ids.Append(OrderIdOf(row)).ok() &&
        customers.Append(fmt::format("cust-{:06}", Chance(row, 2) % 2'000)).ok() &&
        amounts.Append(AmountOf(row)).ok() && dates.Append(kFirstDay + row * 60'000'000).ok() &&
        regions.Append(kRegions[Chance(row, 3) % kRegions.size()]).ok() &&
        quantities.Append(static_cast<std::int32_t>(Chance(row, 4) % 20)).ok() &&
        (Chance(row, 5) % 3 == 0
             ? notes.AppendNull()
             : notes.Append(fmt::format("left with neighbour {}", Chance(row, 6) % 500)))
            .ok();
    GRANARY_CHECK(ok);
  }
  return arrow::RecordBatch::Make(
      OrdersSchema()->ToArrow(), rows,
      {Finished(ids), Finished(customers), Finished(amounts), Finished(dates), Finished(regions),
       Finished(quantities), Finished(notes)});
}

std::string OrdersJson(std::int64_t first, std::int64_t rows) {
  const json::BatchWriter writer(OrdersSchema()->columns());
  const auto batch = OrdersBatch(first, rows);
  std::string out = "[";
  for (std::int64_t row = 0; row < rows; ++row) {
    out += row == 0 ? R"({"fields":)" : R"(,{"fields":)";
    writer.AppendRow(*batch, row, out);
    out += '}';
  }
  return out + "]";
}

std::shared_ptr<arrow::Int64Array> SequencesFrom(std::int64_t first, std::int64_t rows) {
  arrow::Int64Builder builder;
  for (std::int64_t row = first; row < first + rows; ++row)
    GRANARY_CHECK(builder.Append(row + 1).ok());
  return std::static_pointer_cast<arrow::Int64Array>(Finished(builder));
}

StoredOrders::StoredOrders(std::int64_t rows) {
  snapshot_.id = Must(SourceId::Parse("orders"));
  snapshot_.schema = OrdersSchema();
  snapshot_.indexes = {{kOrderId, storage::IndexKind::kHash},
                       {kOrderDate, storage::IndexKind::kBtree}};
  snapshot_.visible_sequence = snapshot_.flushed_sequence = static_cast<std::uint64_t>(rows);

  const auto batch = OrdersBatch(0, rows);
  auto writer = Must(storage::SegmentWriter::Create(
      files_, io::Failpoints::None(), directory_.path(), "orders.parquet", snapshot_.schema, {}));
  Must(writer->Append(batch, SequencesFrom(0, rows)));
  storage::SegmentMeta meta = Must(writer->Finish());
  meta.id = SegmentId{1};
  for (const storage::IndexKey& key : snapshot_.indexes) {
    const int at = snapshot_.schema->IndexOfId(key.column);
    const auto builder = storage::IndexBuilder::Make(
        key, snapshot_.schema->columns()[static_cast<std::size_t>(at)].type);
    builder->Add(*batch->column(at));
    meta.indexes.push_back(Must(builder->Write(files_, directory_.path(), meta.path, meta.id)));
  }
  snapshot_.segments.push_back(std::make_shared<storage::Segment>(
      segment_files_, directory_.path(), std::move(meta), snapshot_.schema));
}

}  // namespace granary::bench
