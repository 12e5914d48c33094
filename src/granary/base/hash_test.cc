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

TEST(HashTest, PiecesHashAsTheWhole) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += std::to_string(i);
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{7}, ~std::uint64_t{0}}) {
    for (const std::size_t step : {1u, 7u, 240u, 241u, 1024u, 100'000u}) {
      Hasher128 hasher(seed);
      EXPECT_EQ(hasher.Get(), Hash128("", seed));
      for (std::size_t at = 0; at < text.size(); at += step)
        hasher.Add(std::string_view(text).substr(at, step));
      EXPECT_EQ(hasher.Get(), Hash128(text, seed)) << step;
    }
  }
}

}  // namespace
}  // namespace granary
