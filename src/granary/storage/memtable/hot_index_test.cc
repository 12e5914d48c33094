#include "granary/storage/memtable/hot_index.h"

#include <gtest/gtest.h>

#include <arrow/api.h>

#include <algorithm>

#include "granary/storage/stats/value_hash.h"

namespace granary::storage {
namespace {

std::shared_ptr<arrow::Array> Numbers(std::int64_t count, std::int64_t distinct) {
  arrow::Int64Builder builder;
  for (std::int64_t i = 0; i < count; ++i) {
    if (!(i % 10 == 9 ? builder.AppendNull() : builder.Append(i % distinct)).ok()) std::abort();
  }
  return builder.Finish().ValueOrDie();
}

std::vector<std::int32_t> Find(HotIndex& index, const arrow::Array& values, std::int64_t value,
                               std::size_t rows_max = 1'000'000) {
  const std::uint64_t hash = HashValue(Value(value));
  std::vector<std::int32_t> rows;
  EXPECT_TRUE(index.Find(1, values, {&hash, 1}, rows_max, rows));
  std::sort(rows.begin(), rows.end());
  return rows;
}

TEST(HotIndexTest, FindsRowsAsTheChunkGrows) {
  HotIndex index;
  const auto all = Numbers(60'000, 7'001);
  for (const std::int64_t rows : {0, 1, 999, 5'000, 60'000}) {
    const auto view = all->Slice(0, rows);
    std::vector<std::int32_t> expected;
    for (std::int64_t i = 0; i < rows; ++i) {
      if (i % 7'001 == 42 && i % 10 != 9) expected.push_back(static_cast<std::int32_t>(i));
    }
    EXPECT_EQ(Find(index, *view, 42), expected) << rows;
  }
  // A view from before sees none of what came after it.
  EXPECT_EQ(Find(index, *all->Slice(0, 100), 42), std::vector<std::int32_t>{42});
}

TEST(HotIndexTest, GivesUpPastTheMostRowsThatAreOfUse) {
  HotIndex index;
  const auto values = Numbers(1000, 2);
  const std::uint64_t hash = HashValue(Value(std::int64_t{0}));
  std::vector<std::int32_t> rows;
  EXPECT_FALSE(index.Find(1, *values, {&hash, 1}, 499, rows));
  EXPECT_TRUE(rows.empty());
  EXPECT_TRUE(index.Find(1, *values, {&hash, 1}, 500, rows));
  EXPECT_EQ(rows.size(), 500u);
}

}  // namespace
}  // namespace granary::storage
