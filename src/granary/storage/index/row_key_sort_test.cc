#include "granary/storage/index/row_key_sort.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace granary::storage {
namespace {

TEST(RowKeySortTest, SortsByKeyThenRow) {
  const std::uint64_t seed = 9;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (const std::size_t rows : {0u, 1u, 2u, 1'000u, 1'023u, 1'024u, 1'025u, 20'000u}) {
    for (const std::uint64_t mask :
         {~std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{0xFF}, std::uint64_t{1} << 63,
          std::uint64_t{0x7FF} << 33, std::uint64_t{0x7FF} << 51}) {
      const std::uint64_t same = random();
      std::vector<RowKey> keys(rows);
      for (std::size_t row = 0; row < rows; ++row)
        keys[row] = {same ^ (random() & mask), static_cast<std::uint32_t>(row)};
      std::vector<RowKey> expected = keys;
      std::sort(expected.begin(), expected.end());
      SortRowKeys(keys);
      EXPECT_TRUE(keys == expected) << rows << " rows, mask " << mask;
    }
  }
}

}  // namespace
}  // namespace granary::storage
