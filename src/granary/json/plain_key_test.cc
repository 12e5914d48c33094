#include "granary/json/plain_key.h"

#include <string>

#include <gtest/gtest.h>

namespace granary::json {
namespace {

const std::string kSlack(PlainKey::kSlackBytes, 'x');

std::string InText(const std::string& name) { return name + "\":1," + kSlack; }

TEST(PlainKeyTest, FindsItsNameAtEveryLengthAndNoOther) {
  for (std::size_t length = 0; length <= 33; ++length) {
    const std::string name(length, 'n');
    const PlainKey key(name);
    EXPECT_TRUE(key.Begins(InText(name))) << length;
    EXPECT_FALSE(key.Begins(InText(name + "n"))) << length;
    EXPECT_FALSE(key.Begins(name + ":1," + kSlack)) << length;
    for (std::size_t at = 0; at < length; ++at) {
      std::string other = name;
      other[at] = 'm';
      EXPECT_FALSE(key.Begins(InText(other))) << length << " at " << at;
    }
    if (length > 0) {
      EXPECT_FALSE(key.Begins(InText(name.substr(1)))) << length;
    }
  }
}

TEST(PlainKeyTest, ReadsNotBeyondTheText) {
  const std::string text = "region\":";  // Eight bytes: a word.
  EXPECT_TRUE(PlainKey("region").Begins(text));
  for (std::size_t bytes = 0; bytes < text.size(); ++bytes) {
    const std::string cut = text.substr(0, bytes);
    EXPECT_FALSE(PlainKey("region").Begins(cut)) << bytes;
  }
}

TEST(PlainKeyTest, NeverFindsANameThatJsonEscapes) {
  EXPECT_FALSE(PlainKey("a\"b").Begins(InText("a\"b")));
  EXPECT_FALSE(PlainKey("a\\b").Begins(InText("a\\b")));
  EXPECT_FALSE(PlainKey().Begins(InText("")));
}

}  // namespace
}  // namespace granary::json
