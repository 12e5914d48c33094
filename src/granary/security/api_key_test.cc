#include "granary/security/api_key.h"

#include <gtest/gtest.h>

#include <map>

#include "granary/security/digest.h"
#include "granary/testing/fake_random.h"

namespace granary::security {
namespace {

TEST(ApiKeyTest, ReadsWhatItWrote) {
  testing::FakeRandom random(7);
  for (int i = 0; i < 100; ++i) {
    const ApiKey key = MakeApiKey(random);
    EXPECT_EQ(key.text().size(), 63u);
    const auto read = ParseApiKey(key.text());
    ASSERT_TRUE(read) << key.text();
    EXPECT_EQ(read->id, key.id);
    EXPECT_EQ(read->secret, key.secret);
    EXPECT_EQ(ApiKeyDigest(*read), Sha256(key.text()));
  }
}

TEST(ApiKeyTest, ANewSecretKeepsTheName) {
  testing::FakeRandom random(7);
  const ApiKey key = MakeApiKey(random);
  const ApiKey next = MakeApiKey(random, key.id);
  EXPECT_EQ(next.id, key.id);
  EXPECT_NE(next.secret, key.secret);
  EXPECT_NE(ApiKeyDigest(next), ApiKeyDigest(key));
}

TEST(ApiKeyTest, RefusesEveryOtherForm) {
  testing::FakeRandom random(7);
  const std::string good = MakeApiKey(random).text();
  for (std::size_t at = 0; at < good.size(); ++at) {
    EXPECT_FALSE(ParseApiKey(good.substr(0, at))) << at;
    std::string bad = good;
    bad[at] = '-';
    EXPECT_FALSE(ParseApiKey(bad)) << at;
  }
  EXPECT_FALSE(ParseApiKey(good + "0"));
  EXPECT_FALSE(ParseApiKey(" " + good));
}

TEST(DigestTest, GivesThePublishedValues) {  // FIPS 180-4's example "abc".
  EXPECT_EQ(Sha256("abc").substr(0, 4), "\xba\x78\x16\xbf");
  EXPECT_EQ(Sha256("").substr(0, 4), "\xe3\xb0\xc4\x42");
}

TEST(DigestTest, LettersAreAllUsedAndNoneIsFavoured) {
  testing::FakeRandom random(11);
  const std::string text = RandomText(random, 62'000);
  std::map<char, int> counts;
  for (const char c : text) ++counts[c];
  EXPECT_EQ(counts.size(), 62u);
  for (const auto& [letter, count] : counts) {
    EXPECT_GT(count, 800) << letter;
    EXPECT_LT(count, 1200) << letter;
  }
}

}  // namespace
}  // namespace granary::security
