#include "granary/hosting/row_pieces.h"

#include <string>

#include <arrow/array/builder_binary.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

namespace granary::hosting {
namespace {

std::shared_ptr<arrow::RecordBatch> Texts(std::int64_t rows, std::size_t bytes) {
  arrow::StringBuilder builder;
  for (std::int64_t row = 0; row < rows; ++row)
    EXPECT_TRUE(builder.Append(std::string(bytes, 'x')).ok());
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("t", arrow::utf8())}), rows,
                                  {builder.Finish().ValueOrDie()});
}

TEST(RowPiecesTest, NarrowRowsAreCutByTheirNumber) {
  EXPECT_EQ(RowsInPiece(*Texts(kPieceOfRows - 1, 10), 0), kPieceOfRows - 1);
  EXPECT_EQ(RowsInPiece(*Texts(kPieceOfRows, 10), 0), kPieceOfRows);
  EXPECT_EQ(RowsInPiece(*Texts(kPieceOfRows + 1, 10), 0), kPieceOfRows);
  EXPECT_EQ(RowsInPiece(*Texts(kPieceOfRows + 1, 10), kPieceOfRows), 1);
}

TEST(RowPiecesTest, WideRowsAreCutByTheirBytes) {
  const auto wide = Texts(100, 100'000);
  EXPECT_EQ(RowsInPiece(*wide, 0), 10);
  EXPECT_EQ(RowsInPiece(*wide, 95), 5);
  EXPECT_EQ(RowsInPiece(*wide->Slice(3), 0), 10);
  EXPECT_EQ(RowsInPiece(*Texts(3, 2 * kPieceOfRowsBytes), 1), 1);
}

}  // namespace
}  // namespace granary::hosting
