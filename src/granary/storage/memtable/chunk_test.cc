#include "granary/storage/memtable/chunk.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace granary::storage {
namespace {

SchemaPtr MakeSchema() {
  return std::make_shared<const Schema>(
      1, 2,
      std::vector<Column>{{1, "s", TypeKind::kString}, {2, "l", DataType::List(TypeKind::kInt64)}});
}

/// Rows of a string and a list of `length` numbers; null where the string is empty.
std::shared_ptr<arrow::RecordBatch> Batch(const std::vector<std::string>& strings, int length) {
  arrow::StringBuilder texts;
  const auto numbers = std::make_shared<arrow::Int64Builder>();
  arrow::ListBuilder lists(arrow::default_memory_pool(), numbers);
  for (const std::string& text : strings) {
    EXPECT_TRUE((text.empty() ? texts.AppendNull() : texts.Append(text)).ok());
    EXPECT_TRUE((text.empty() ? lists.AppendNull() : lists.Append()).ok());
    for (int i = 0; i < length && !text.empty(); ++i) EXPECT_TRUE(numbers->Append(i).ok());
  }
  return arrow::RecordBatch::Make(MakeSchema()->ToArrow(),
                                  static_cast<std::int64_t>(strings.size()),
                                  {*texts.Finish(), *lists.Finish()});
}

TEST(ChunkTest, WhatIsNotPublishedIsNotShown) {
  auto chunk = Chunk::Make(MakeSchema()).Take();
  ASSERT_TRUE(chunk->Append(*Batch({"a"}, 2), 0, 1, 1).ok());
  chunk->Publish();
  ASSERT_TRUE(chunk->Append(*Batch({"b"}, 1), 0, 1, 2).ok());
  EXPECT_TRUE(chunk->Snapshot().Build().batch->Equals(*Batch({"a"}, 2)));
}

TEST(ChunkTest, ARollbackLeavesNoTrace) {
  auto chunk = Chunk::Make(MakeSchema()).Take();
  ASSERT_TRUE(chunk->Append(*Batch({"a"}, 2), 0, 1, 1).ok());
  chunk->Publish();
  ASSERT_TRUE(
      chunk->Append(*Batch({"", "long text that grows the buffers", ""}, 100), 0, 3, 2).ok());
  chunk->Rollback();
  EXPECT_TRUE(chunk->Snapshot().Build().batch->Equals(*Batch({"a"}, 2)));
  ASSERT_TRUE(chunk->Append(*Batch({"b", "", "c"}, 2), 0, 3, 2).ok());
  chunk->Publish();
  const HotChunk shown = chunk->Snapshot().Build();
  EXPECT_TRUE(shown.batch->Equals(*Batch({"a", "b", "", "c"}, 2))) << shown.batch->ToString();
  EXPECT_EQ(shown.batch->column(0)->null_count(), 1);
}

TEST(ChunkTest, TakesSomeRowsOfABatch) {
  auto chunk = Chunk::Make(MakeSchema()).Take();
  const auto batch = Batch({"a", "", "c", "d"}, 3);
  ASSERT_TRUE(chunk->Append(*batch, 1, 2, 1).ok());
  chunk->Publish();
  EXPECT_TRUE(chunk->Snapshot().Build().batch->Equals(*batch->Slice(1, 2)));
}

TEST(ChunkTest, AListOfManyElementsSealsItEarly) {
  auto chunk = Chunk::Make(MakeSchema()).Take();
  const auto batch = Batch({"a", "b", "c"}, static_cast<int>(kColumnBytesMax / 8 / 2));
  EXPECT_EQ(chunk->RowsThatFit(*batch, 0), 2);
  ASSERT_TRUE(chunk->Append(*batch, 0, 2, 1).ok());
  EXPECT_EQ(chunk->RowsThatFit(*batch, 2), 0);
}

}  // namespace
}  // namespace granary::storage
