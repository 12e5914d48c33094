#include "bench_source.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <cmath>
#include <random>

#include "granary/base/check.h"
#include "granary/io/failpoint.h"
#include "granary/storage/index/index_builder.h"
#include "granary/storage/segment/segment_writer.h"
#include "granary/storage/stats/distinct_sketch.h"
#include "granary/storage/stats/value_hash.h"

namespace granary::bench {
namespace {

using storage::IndexKey;
using storage::IndexKind;

constexpr const char* kFolder = "/bench";
constexpr std::int64_t kRowsOfADay = 1000;

template <typename T>
T Take(Result<T> result) {
  GRANARY_CHECK(result.ok(), "{}", result.status().ToString());
  return result.Take();
}

template <typename Builder>
std::shared_ptr<arrow::Array> Done(Builder& builder) {
  return builder.Finish().ValueOrDie();
}

SchemaPtr BenchSchema() {
  return std::make_shared<Schema>(1, kNote,
                                  std::vector<Column>{{kId, "id", TypeKind::kInt64},
                                                      {kCustomer, "customer", TypeKind::kString},
                                                      {kCity, "city", TypeKind::kString},
                                                      {kPostcode, "postcode", TypeKind::kString},
                                                      {kAmount, "amount", TypeKind::kInt64},
                                                      {kDay, "day", TypeKind::kInt64},
                                                      {kStatus, "status", TypeKind::kString},
                                                      {kNote, "note", TypeKind::kString}});
}

std::string SketchOf(std::uint64_t values) {
  storage::DistinctSketch sketch;
  for (std::uint64_t i = 0; i < values; ++i)
    sketch.Add(storage::HashValue(Value(static_cast<std::int64_t>(i * 7919))));
  return sketch.Encode();
}

}  // namespace

std::int64_t Skewed(double chance, std::int64_t values) {
  const double rank = std::exp(chance * std::log(static_cast<double>(values)));
  return std::min(static_cast<std::int64_t>(rank) - 1, values - 1);
}
std::string CustomerName(std::int64_t customer) { return fmt::format("customer-{:05}", customer); }
std::string CityName(std::int64_t city) { return fmt::format("city-{:02}", city); }
std::string PostcodeName(std::int64_t postcode) { return fmt::format("{:05}", postcode); }
std::string StatusName(std::int64_t status) { return fmt::format("status-{}", status); }

BenchSource::BenchSource(const BenchShape& shape, std::uint64_t seed)
    : segment_files_(
          std::make_unique<storage::SegmentFiles>(files_, storage::SegmentFilesOptions())) {
  snapshot_.id = Take(SourceId::Parse(shape.name));
  snapshot_.uid = SourceUid{seed + 1};
  snapshot_.schema = BenchSchema();
  snapshot_.indexes = {{kCustomer, IndexKind::kHash}, {kCity, IndexKind::kHash},
                       {kPostcode, IndexKind::kHash}, {kAmount, IndexKind::kBtree},
                       {kDay, IndexKind::kBtree},     {kId, IndexKind::kHash}};
  for (std::int64_t i = 0; i < shape.segments; ++i)
    AddSegment(shape.rows, seed + static_cast<std::uint64_t>(i) * 1'000'003);
  snapshot_.visible_sequence = static_cast<std::uint64_t>(rows_);
}

void BenchSource::AddSegment(std::int64_t rows, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto chance = [&] { return std::uniform_real_distribution(0.0, 1.0)(random); };
  const auto below = [&](std::int64_t most) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most));
  };
  arrow::Int64Builder ids, amounts, days, sequences;
  arrow::StringBuilder customers, cities, postcodes, states, notes;
  bool ok = true;
  for (std::int64_t i = 0; i < rows; ++i, ++rows_) {
    const std::int64_t postcode = below(kPostcodes);
    ok = ok && ids.Append(rows_).ok() && sequences.Append(rows_ + 1).ok() &&
         customers.Append(CustomerName(Skewed(chance(), kCustomers))).ok() &&
         // A postcode lies in one city: both together tell no more than the postcode.
         cities.Append(CityName(postcode * kCities / kPostcodes)).ok() &&
         postcodes.Append(PostcodeName(postcode)).ok() && amounts.Append(below(kAmounts)).ok() &&
         days.Append(rows_ / kRowsOfADay).ok() &&
         states.Append(StatusName(Skewed(chance(), kStatuses))).ok() &&
         notes.Append(fmt::format("left with neighbour {}", below(3000))).ok();
  }
  GRANARY_CHECK(ok);
  days_ = rows_ / kRowsOfADay + 1;
  const auto batch =
      arrow::RecordBatch::Make(snapshot_.schema->ToArrow(), rows,
                               {Done(ids), Done(customers), Done(cities), Done(postcodes),
                                Done(amounts), Done(days), Done(states), Done(notes)});
  const SegmentId id{snapshot_.segments.size() + 1};
  storage::SegmentWriterOptions options;
  options.row_group_rows = 32'768;
  auto writer = Take(storage::SegmentWriter::Create(files_, io::Failpoints::None(), kFolder,
                                                    fmt::format("{}.parquet", id.value),
                                                    snapshot_.schema, options));
  const Status appended =
      writer->Append(batch, std::static_pointer_cast<arrow::Int64Array>(Done(sequences)));
  GRANARY_CHECK(appended.ok(), "{}", appended.ToString());
  storage::SegmentMeta meta = Take(writer->Finish());
  meta.id = id;
  for (const IndexKey& key : snapshot_.indexes) {
    const int at = snapshot_.schema->IndexOfId(key.column);
    const auto index = storage::IndexBuilder::Make(key, snapshot_.schema->FindId(key.column)->type);
    index->Add(*batch->column(at));
    meta.indexes.push_back(Take(index->Write(files_, kFolder, meta.path, id)));
  }
  snapshot_.segments.push_back(std::make_shared<storage::Segment>(
      *segment_files_, kFolder, std::move(meta), snapshot_.schema));
}

storage::SourceSnapshot BenchSource::Poisoned() const {
  storage::SourceSnapshot poisoned = snapshot_;
  for (auto& segment : poisoned.segments) {
    storage::SegmentMeta meta = segment->meta();
    for (auto& [column, stats] : meta.columns) {
      const std::string others = meta.columns.at(kDay).distribution;
      stats.distribution.clear();
      switch (column) {
        case kCustomer:
        case kPostcode: stats.distinct_sketch = SketchOf(2); break;       // "Half of the rows."
        case kCity: stats.distinct_sketch = SketchOf(500'000); break;     // "Hardly any."
        case kAmount: stats.distribution = others; break;                 // Of other values.
        case kStatus: stats.distinct_sketch = "no sketch at all"; break;  // Damaged.
        default: break;
      }
    }
    segment = segment->With(std::move(meta));
  }
  return poisoned;
}

}  // namespace granary::bench
