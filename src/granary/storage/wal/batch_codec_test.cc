#include "granary/storage/wal/batch_codec.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <cstdint>

namespace granary::storage {
namespace {

/// One column of every shape that a source can have, with nulls.
std::shared_ptr<arrow::RecordBatch> EveryType() {
  const auto list = arrow::list(arrow::field("item", arrow::int64()));
  arrow::Int64Builder ints;
  arrow::StringBuilder strings;
  arrow::BooleanBuilder bools;
  arrow::DoubleBuilder doubles;
  arrow::Decimal128Builder decimals(arrow::decimal128(38, 10));
  arrow::FixedSizeBinaryBuilder uuids(arrow::fixed_size_binary(16));
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::NANO, "UTC"),
                                arrow::default_memory_pool());
  auto item = std::make_shared<arrow::Int64Builder>();
  arrow::ListBuilder lists(arrow::default_memory_pool(), item, list);
  for (std::int64_t i = 0; i < 50; ++i) {
    const bool null = i % 7 == 3;
    EXPECT_TRUE((null ? ints.AppendNull() : ints.Append(INT64_MAX - i)).ok());
    EXPECT_TRUE((null ? strings.AppendNull() : strings.Append(std::string(i, 'x'))).ok());
    EXPECT_TRUE((null ? bools.AppendNull() : bools.Append(i % 2 == 0)).ok());
    EXPECT_TRUE(doubles.Append(-0.0 + static_cast<double>(i)).ok());
    EXPECT_TRUE(decimals.Append(arrow::Decimal128(i, 7)).ok());
    EXPECT_TRUE(uuids.Append(std::string(16, static_cast<char>(i))).ok());
    EXPECT_TRUE(times.Append(i).ok());
    EXPECT_TRUE((null ? lists.AppendNull() : lists.Append()).ok());
    for (std::int64_t k = 0; !null && k < i % 4; ++k) EXPECT_TRUE(item->Append(k).ok());
  }
  const auto schema = arrow::schema(
      {arrow::field("i", arrow::int64()), arrow::field("s", arrow::utf8()),
       arrow::field("b", arrow::boolean()), arrow::field("f", arrow::float64()),
       arrow::field("d", arrow::decimal128(38, 10)),
       arrow::field("u", arrow::fixed_size_binary(16)),
       arrow::field("t", arrow::timestamp(arrow::TimeUnit::NANO, "UTC")), arrow::field("l", list)});
  return arrow::RecordBatch::Make(
      schema, 50,
      {*ints.Finish(), *strings.Finish(), *bools.Finish(), *doubles.Finish(), *decimals.Finish(),
       *uuids.Finish(), *times.Finish(), *lists.Finish()});
}

TEST(BatchCodecTest, ABatchComesBackEqual) {
  const auto batch = EveryType();
  const auto payload = EncodeBatch(*batch);
  ASSERT_TRUE(payload.ok());
  const auto back = DecodeBatch(*payload, batch->schema());
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_TRUE((*back)->Equals(*batch));
}

TEST(BatchCodecTest, ASliceCarriesOnlyItsRows) {
  const auto batch = EveryType();
  const auto slice = batch->Slice(13, 20);
  const auto payload = EncodeBatch(*slice);
  ASSERT_TRUE(payload.ok());
  EXPECT_LT(payload->size(), EncodeBatch(*batch).value().size());
  EXPECT_TRUE(DecodeBatch(*payload, batch->schema()).value()->Equals(*slice));
}

TEST(BatchCodecTest, AnEmptyBatchAndOneWithoutColumnsComeBack) {
  const auto none = EveryType()->Slice(0, 0);
  EXPECT_EQ(DecodeBatch(*EncodeBatch(*none), none->schema()).value()->num_rows(), 0);
  const auto bare = arrow::RecordBatch::Make(arrow::schema({}), 3, arrow::ArrayVector{});
  EXPECT_EQ(DecodeBatch(*EncodeBatch(*bare), bare->schema()).value()->num_rows(), 3);
}

TEST(BatchCodecTest, TheBatchOwnsItsMemory) {
  const auto batch = EveryType();
  std::string payload = EncodeBatch(*batch).Take();
  const auto back = DecodeBatch(payload, batch->schema());
  payload.assign(payload.size(), '\xFF');
  EXPECT_TRUE((*back)->Equals(*batch));
}

TEST(BatchCodecTest, BytesOfAnotherSchemaAreCorruption) {
  const auto batch = EveryType();
  const std::string payload = EncodeBatch(*batch).Take();
  const auto other = arrow::schema({arrow::field("s", arrow::utf8())});
  EXPECT_EQ(DecodeBatch("", other).status().code(), Code::kCorruption);
  EXPECT_EQ(DecodeBatch("nonsense, but of some length", other).status().code(), Code::kCorruption);
  auto fields = batch->schema()->fields();
  std::swap(fields[0], fields[1]);  // Numbers read as offsets into text.
  EXPECT_EQ(DecodeBatch(payload, arrow::schema(fields)).status().code(), Code::kCorruption);
}

TEST(BatchCodecTest, NoCutOrFlippedByteCrashesOrYieldsAnInvalidBatch) {
  const auto batch = EveryType();
  const std::string payload = EncodeBatch(*batch).Take();
  for (std::size_t at = 0; at < payload.size(); ++at) {
    (void)DecodeBatch(std::string_view(payload).substr(0, at), batch->schema());
    for (const int mask : {0x01, 0x80, 0xFF}) {
      std::string damaged = payload;
      damaged[at] = static_cast<char>(damaged[at] ^ mask);
      const auto back = DecodeBatch(damaged, batch->schema());
      if (back.ok()) {
        EXPECT_TRUE((*back)->ValidateFull().ok()) << at;
      } else {
        EXPECT_EQ(back.status().code(), Code::kCorruption);
      }
    }
  }
}

}  // namespace
}  // namespace granary::storage
