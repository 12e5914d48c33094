#include "granary/types/unnamed_batch.h"

#include <utility>

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace granary {
namespace {

arrow::ArrayVector Columns(std::size_t count) {
  arrow::ArrayVector columns;
  for (std::size_t i = 0; i < count; ++i)
    columns.push_back(arrow::MakeArrayFromScalar(arrow::Int64Scalar(7), 3).ValueOrDie());
  return columns;
}

TEST(UnnamedBatchTest, HasItsColumnsWhateverTheirNumber) {
  for (const std::size_t count : {0, 1, 63, 64, 65, 300}) {
    const auto batch = UnnamedBatch(3, Columns(count));
    EXPECT_EQ(batch->num_rows(), 3);
    ASSERT_EQ(batch->num_columns(), static_cast<int>(count));
    for (int i = 0; i < batch->num_columns(); ++i)
      EXPECT_EQ(batch->column(i)->type_id(), arrow::Type::INT64);
  }
}

TEST(UnnamedBatchTest, SharesASchemaAmongBatchesOfAsManyColumns) {
  EXPECT_EQ(UnnamedBatch(3, Columns(2))->schema(), UnnamedBatch(3, Columns(2))->schema());
}

TEST(UnnamedBatchTest, SlicesAsOthersDo) {
  const auto part = UnnamedBatch(3, Columns(2))->Slice(1, 2);
  EXPECT_EQ(part->num_rows(), 2);
  EXPECT_EQ(part->column(1)->length(), 2);
}

}  // namespace
}  // namespace granary
