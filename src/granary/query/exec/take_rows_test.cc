#include "granary/query/exec/take_rows.h"

#include <gtest/gtest.h>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include <random>
#include <string>

#include "granary/testing/seed.h"

namespace granary::query {
namespace {

class TakeRowsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(arrow::compute::Initialize().ok()); }

  /// Texts of numbers, turned into `type`; every fifth is null.
  std::shared_ptr<arrow::Array> Column(const std::shared_ptr<arrow::DataType>& type,
                                       std::int64_t rows) {
    arrow::StringBuilder builder;
    for (std::int64_t i = 0; i < rows; ++i) {
      const auto number = std::to_string(random_() % 100);
      EXPECT_TRUE((random_() % 5 == 0 ? builder.AppendNull() : builder.Append(number)).ok());
    }
    auto texts = builder.Finish().ValueOrDie();
    if (type->id() == arrow::Type::DICTIONARY)
      return arrow::compute::DictionaryEncode(texts).ValueOrDie().make_array();
    if (type->id() == arrow::Type::STRING) return texts;
    if (type->id() == arrow::Type::BINARY) return texts->View(arrow::binary()).ValueOrDie();
    auto numbers = arrow::compute::Cast(*texts, arrow::int64()).ValueOrDie();
    if (type->id() == arrow::Type::LIST) return Lists(numbers);
    if (type->id() == arrow::Type::FIXED_SIZE_BINARY) return Fixed(*numbers);
    if (type->id() == arrow::Type::DATE32 || type->id() == arrow::Type::TIMESTAMP) {
      const auto width = type->id() == arrow::Type::DATE32 ? arrow::int32() : arrow::int64();
      return arrow::compute::Cast(*numbers, width).ValueOrDie()->View(type).ValueOrDie();
    }
    return arrow::compute::Cast(*numbers, type).ValueOrDie();
  }

  std::shared_ptr<arrow::Array> Fixed(const arrow::Array& numbers) {
    arrow::FixedSizeBinaryBuilder builder(arrow::fixed_size_binary(5));
    for (std::int64_t i = 0; i < numbers.length(); ++i) {
      const std::string bytes(5, static_cast<char>('a' + i % 26));
      EXPECT_TRUE((numbers.IsNull(i) ? builder.AppendNull() : builder.Append(bytes)).ok());
    }
    return builder.Finish().ValueOrDie();
  }

  std::shared_ptr<arrow::Array> Lists(const std::shared_ptr<arrow::Array>& numbers) {
    arrow::Int32Builder offsets;
    for (std::int64_t i = 0; i <= numbers->length() / 2; ++i)
      EXPECT_TRUE(offsets.Append(static_cast<std::int32_t>(2 * i)).ok());
    return arrow::ListArray::FromArrays(*offsets.Finish().ValueOrDie(), *numbers).ValueOrDie();
  }

  template <typename Row, typename Positions>
  void Compare(const std::shared_ptr<arrow::Array>& column) {
    for (const std::size_t count : {0, 1, 7, 100}) {
      std::vector<Row> rows;
      for (std::size_t i = 0; i < count; ++i)
        rows.push_back(static_cast<Row>(random_() % static_cast<std::uint64_t>(column->length())));
      const Positions positions(static_cast<std::int64_t>(count), arrow::Buffer::Wrap(rows));
      auto expected = arrow::compute::Take(*column, positions).ValueOrDie();
      if (expected->type_id() == arrow::Type::DICTIONARY)
        expected = arrow::compute::Cast(*expected, arrow::utf8()).ValueOrDie();
      const auto taken = TakeRows(column, std::span<const Row>(rows)).Take();
      ASSERT_TRUE(taken->ValidateFull().ok()) << taken->ValidateFull().ToString();
      ASSERT_TRUE(taken->Equals(*expected)) << column->type()->ToString() << "\n"
                                            << taken->ToString() << expected->ToString();
      EXPECT_EQ(taken->null_count(), expected->null_count());
    }
  }

  std::mt19937_64 random_{testing::SeedFromEnvironment()};
};

TEST_F(TakeRowsTest, AgreesWithArrowForEveryType) {
  for (const auto& type :
       {arrow::boolean(), arrow::int8(), arrow::int16(), arrow::int32(), arrow::int64(),
        arrow::uint8(), arrow::uint64(), arrow::float32(), arrow::float64(),
        arrow::decimal128(25, 2), arrow::date32(), arrow::timestamp(arrow::TimeUnit::MICRO),
        arrow::utf8(), arrow::binary(), arrow::fixed_size_binary(5),
        arrow::dictionary(arrow::int32(), arrow::utf8()), arrow::list(arrow::int64())}) {
    const auto column = Column(type, 200);
    for (const auto& some : {column, column->Slice(3), column->Slice(17, 33)}) {
      Compare<std::int32_t, arrow::Int32Array>(some);
      Compare<std::int64_t, arrow::Int64Array>(some);
    }
  }
}

TEST_F(TakeRowsTest, FirstRowsAreAViewUnlessTheyAreCoded) {
  const auto plain = Column(arrow::utf8(), 50);
  EXPECT_EQ(FirstRows(plain, 20).Take()->data()->buffers[2], plain->data()->buffers[2]);
  const auto coded = arrow::compute::DictionaryEncode(plain).ValueOrDie().make_array();
  const auto first = FirstRows(coded->Slice(10), 20).Take();
  EXPECT_TRUE(first->Equals(*plain->Slice(10, 20))) << first->ToString();
  arrow::StringDictionary32Builder none;
  ASSERT_TRUE(none.AppendNulls(3).ok());
  const auto nulls = FirstRows(none.Finish().ValueOrDie(), 3).Take();
  EXPECT_TRUE(nulls->ValidateFull().ok());
  EXPECT_EQ(nulls->null_count(), 3);
}

TEST_F(TakeRowsTest, NullsOfACodedColumnTakeNoBytes) {
  arrow::StringDictionary32Builder builder;
  ASSERT_TRUE(builder.Append(std::string(1 << 20, 'x')).ok());
  ASSERT_TRUE(builder.AppendNulls(4000).ok());
  const auto all = FirstRows(builder.Finish().ValueOrDie(), 4001).Take();
  EXPECT_EQ(all->data()->buffers[2]->size(), 1 << 20);
  EXPECT_EQ(all->null_count(), 4000);
}

TEST_F(TakeRowsTest, TakesFromEveryColumnOfABatch) {
  const auto numbers = Column(arrow::int64(), 10);
  const auto texts = Column(arrow::utf8(), 10);
  const auto batch = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("a", arrow::int64()), arrow::field("b", arrow::utf8())}), 10,
      {numbers, texts});
  const std::int32_t rows[] = {9, 0, 9};
  const auto taken = TakeRows(*batch, rows).Take();
  EXPECT_EQ(taken->num_rows(), 3);
  EXPECT_TRUE(taken->column(0)->RangeEquals(*numbers, 0, 1, 9));
  EXPECT_TRUE(taken->column(1)->RangeEquals(*texts, 1, 2, 0));
}

}  // namespace
}  // namespace granary::query
