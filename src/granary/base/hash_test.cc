#include "granary/base/hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace granary {
namespace {

TEST(HashTest, ValuesOnDiskNeverChange) {
  EXPECT_EQ(Hash64(""), 0x2D06800538D394C2u);  // XXH3's published value of nothing.
  EXPECT_EQ(Hash64("granary"), Hash64(std::string("granary")));
}

TEST(HashTest, EveryLengthAndSeedTellsApart) {
  std::set<std::uint64_t> seen;
  for (std::size_t length = 0; length < 1000; ++length) {
    seen.insert(Hash64(std::string(length, 'a')));
    seen.insert(Hash64(std::string(length, 'a'), /*seed=*/1));
  }
  EXPECT_EQ(seen.size(), 2000u);
}

}  // namespace
}  // namespace granary
