#include "granary/types/like_pattern.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <random>

#include "granary/testing/seed.h"

namespace granary {
namespace {

bool Like(std::string_view text, std::string_view pattern) {
  return LikePattern(pattern).Matches(text);
}

TEST(LikePatternTest, WildcardsAndEscapes) {
  EXPECT_TRUE(Like("", ""));
  EXPECT_TRUE(Like("", "%"));
  EXPECT_FALSE(Like("", "_"));
  EXPECT_FALSE(Like("a", ""));
  EXPECT_TRUE(Like("abc", "abc"));
  EXPECT_TRUE(Like("abc", "a%"));
  EXPECT_TRUE(Like("abc", "%c"));
  EXPECT_TRUE(Like("abc", "%b%"));
  EXPECT_TRUE(Like("abc", "a_c"));
  EXPECT_FALSE(Like("abc", "a_"));
  EXPECT_TRUE(Like("aXbXc", "a%b%c"));
  EXPECT_TRUE(Like("abab", "%ab"));
  EXPECT_TRUE(Like("100%", "100\\%"));
  EXPECT_FALSE(Like("1000", "100\\%"));
  EXPECT_TRUE(Like("a_b", "a\\_b"));
  EXPECT_FALSE(Like("axb", "a\\_b"));
  EXPECT_TRUE(Like("a\\b", "a\\\\b"));
  EXPECT_TRUE(Like("a\nb", "a%b"));
}

TEST(LikePatternTest, UnderscoreIsOneCharacterNotOneByte) {
  EXPECT_TRUE(Like("für", "f_r"));
  EXPECT_TRUE(Like("日本", "__"));
  EXPECT_FALSE(Like("日本", "___"));
  EXPECT_TRUE(Like("x日本y", "%_本_"));
}

TEST(LikePatternTest, AgreesWithTheSameRegularExpression) {
  const std::uint64_t seed = testing::SeedFromEnvironment();
  std::mt19937_64 random(seed);
  const auto text_of = [&](std::string_view alphabet) {
    std::string text;
    for (auto n = random() % 7; n > 0; --n) text.push_back(alphabet[random() % alphabet.size()]);
    return text;
  };
  RE2::Options options;
  options.set_dot_nl(true);
  for (int i = 0; i < 3000; ++i) {
    const std::string pattern = text_of("ab%_");
    const std::string text = text_of("ab");
    const RE2 regex(LikePattern(pattern).ToRegex(), options);
    EXPECT_EQ(Like(text, pattern), RE2::PartialMatch(text, regex)) << text << " LIKE " << pattern;
  }
}

}  // namespace
}  // namespace granary
