#include "granary/storage/stats/like_prefix.h"

#include <gtest/gtest.h>

namespace granary::storage {
namespace {

TEST(LikePrefixTest, ThePrefixEndsAtTheFirstWildcardAndSaysWhere) {
  const LikePrefix found = PrefixOfLike("a\\%b_c%");
  EXPECT_EQ(found.prefix, "a%b");
  EXPECT_EQ(found.ends_at, 4u);
  EXPECT_EQ(found.rest, LikePrefix::Rest::kUnknown);
  EXPECT_EQ(PrefixOfLike("ab%%").rest, LikePrefix::Rest::kAnything);
  EXPECT_EQ(PrefixOfLike("ab").ends_at, 2u);
}

TEST(LikePrefixTest, EachFixedCharacterKeepsAFifth) {
  EXPECT_DOUBLE_EQ(LikeShare(""), 1);
  EXPECT_DOUBLE_EQ(LikeShare("%"), 1);
  EXPECT_DOUBLE_EQ(LikeShare("%a"), 0.2);
  EXPECT_DOUBLE_EQ(LikeShare("a\\%"), 0.04);
  EXPECT_DOUBLE_EQ(LikeShare("a%b"), 0.08);
  EXPECT_DOUBLE_EQ(LikeShare("_"), 0.9);
  EXPECT_DOUBLE_EQ(LikeShare(std::string(100, 'x')), 1e-6);
  EXPECT_DOUBLE_EQ(LikeShare("a\\"), 0.04) << "a lone backslash is a character";
}

}  // namespace
}  // namespace granary::storage
