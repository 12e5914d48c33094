#include "granary/storage/stats/byte_bounds.h"

#include <gtest/gtest.h>

#include "granary/base/utf8.h"

namespace granary::storage {
namespace {

TEST(ByteBoundsTest, CutsTextOnlyBetweenCharacters) {
  EXPECT_EQ(CutPrefix("abcdef", 4, BytesKind::kText), "abcd");
  EXPECT_EQ(CutPrefix("abc", 4, BytesKind::kText), "abc");
  EXPECT_EQ(CutPrefix("ab😀", 4, BytesKind::kText), "ab");
  EXPECT_EQ(CutPrefix("ab😀", 5, BytesKind::kText), "ab");
  EXPECT_EQ(CutPrefix("ab😀", 6, BytesKind::kText), "ab😀");
  EXPECT_EQ(CutPrefix("ab\xFF\xFE", 3, BytesKind::kBinary), "ab\xFF");
}

TEST(ByteBoundsTest, TheSuccessorIsAboveEverythingThatStartsSo) {
  struct Case {
    std::string prefix;
    std::optional<std::string> text;
    std::optional<std::string> binary;
  };
  const std::string last = "\xF4\x8F\xBF\xBF";  // U+10FFFF
  const Case cases[] = {
      {"ab", "ac", "ac"},
      {"a\x7F", "a\xC2\x80", "a\x80"},
      {"\xDF\xBF", "\xE0\xA0\x80", "\xDF\xC0"},              // U+07FF
      {"\xED\x9F\xBF", "\xEE\x80\x80", "\xED\x9F\xC0"},      // U+D7FF: the surrogates are left out.
      {"\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xEF\xBF\xC0"},  // U+FFFF
      {"a" + last, "b", "a\xF4\x8F\xBF\xC0"},
      {last + last, std::nullopt, last + "\xF4\x8F\xBF\xC0"},
      {"a\xFF", "b", "b"},  // Not text: as bytes.
      {"\xFF\xFF", std::nullopt, std::nullopt},
      {"", std::nullopt, std::nullopt},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(PrefixSuccessor(c.prefix, BytesKind::kText), c.text) << c.prefix;
    EXPECT_EQ(PrefixSuccessor(c.prefix, BytesKind::kBinary), c.binary) << c.prefix;
    EXPECT_TRUE(!c.text || !IsValidUtf8(c.prefix) || IsValidUtf8(*c.text));
  }
}

}  // namespace
}  // namespace granary::storage
