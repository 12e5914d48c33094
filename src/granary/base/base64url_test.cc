#include "granary/base/base64url.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

TEST(Base64UrlTest, WritesTheOtherAlphabetWithoutPadding) {
  EXPECT_EQ(Base64UrlEncode(""), "");
  EXPECT_EQ(Base64UrlEncode("f"), "Zg");
  EXPECT_EQ(Base64UrlEncode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(Base64UrlEncode("\xfb\xff\xfe"), "-__-");
}

TEST(Base64UrlTest, EveryLengthComesBackEqual) {
  std::string bytes;
  for (int i = 0; i < 70; ++i) {
    EXPECT_EQ(Base64UrlDecode(Base64UrlEncode(bytes)), bytes) << i;
    bytes.push_back(static_cast<char>(i * 37));
  }
}

TEST(Base64UrlTest, OneSpellingForEqualBytes) {
  for (const char* text : {"Zg==", "Zg=", "Zh", "Z", "+__+", "a/b_", "Zm 9", "Zm9v\n", "Zm9vY"}) {
    EXPECT_FALSE(Base64UrlDecode(text)) << text;
  }
}

}  // namespace
}  // namespace granary
