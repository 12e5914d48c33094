#include "granary/base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace granary {
namespace {

TEST(Utf8Test, AcceptsTheFirstAndLastCharacterOfEachLength) {
  for (const char* text :
       {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << text;
    EXPECT_EQ(ValidUtf8PrefixBytes(text), std::string_view(text).size());
  }
}

TEST(Utf8Test, RefusesOverlongSurrogateTruncatedAndBeyond) {
  for (const char* text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc2", "\xe2\x82", "\xf0\x9f\x98", "\xff"}) {
    EXPECT_FALSE(IsValidUtf8(text)) << text;
    const std::string padded = std::string(100, 'x') + "é" + text + "tail";
    EXPECT_EQ(ValidUtf8PrefixBytes(padded), 102u) << text;
  }
}

TEST(Utf8Test, ThePrefixAgreesWithTheWholeForEveryTwoAndThreeBytes) {
  std::string text(3, 'x');
  for (int n = 0; n < 1 << 16; ++n) {
    text[0] = static_cast<char>(n >> 8);
    text[1] = static_cast<char>(n & 0xFF);
    for (const char third : {'a', '\x80', '\xbf'}) {
      text[2] = third;
      const std::size_t prefix = ValidUtf8PrefixBytes(text);
      ASSERT_TRUE(IsValidUtf8(std::string_view(text).substr(0, prefix))) << n;
      ASSERT_EQ(prefix == text.size(), IsValidUtf8(text)) << n;
    }
  }
}

TEST(Utf8Test, AQuotedTextIsNeverCutInsideACharacter) {
  const std::string room(kQuotedBytesMax - 1, 'x');
  EXPECT_EQ(Quotable(room), room);
  EXPECT_EQ(Quotable(room + "y"), room + "y");
  EXPECT_EQ(Quotable(room + "yz"), room + "y");
  for (const char* character : {"é", "€", "😀"}) EXPECT_EQ(Quotable(room + character), room);
  EXPECT_EQ(Quotable("a\xff"
                     "b"),
            "a");
}

}  // namespace
}  // namespace granary
