#include "granary/base/base64.h"

#include <gtest/gtest.h>

namespace granary {
namespace {

TEST(Base64Test, MatchesTheVectorsOfTheRfc) {
  EXPECT_EQ(Base64Encode(""), "");
  EXPECT_EQ(Base64Encode("f"), "Zg==");
  EXPECT_EQ(Base64Encode("fo"), "Zm8=");
  EXPECT_EQ(Base64Encode("foo"), "Zm9v");
  EXPECT_EQ(Base64Encode("foobar"), "Zm9vYmFy");
}

TEST(Base64Test, DecodesWhatItEncodes) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(Base64Decode(Base64Encode(bytes)), bytes) << i;
    bytes.push_back(static_cast<char>(i * 37));
  }
}

TEST(Base64Test, RefusesEveryOtherSpelling) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z===", "====", "=", "Zm9v\n",
                           " Zm9v", "Zm-_", "Zg==Zg==", "Z=g="}) {
    EXPECT_FALSE(Base64Decode(text).has_value()) << text;
  }
}

TEST(Base64Test, AcceptsOnlyWhatEncodesBackToItself) {
  const std::string_view alphabet = "AZaz09+/=-";
  std::string text(4, 'A');
  for (int n = 0; n < 10000; ++n) {
    for (int i = 0, rest = n; i < 4; ++i, rest /= 10) text[i] = alphabet[rest % 10];
    if (const auto bytes = Base64Decode(text)) {
      EXPECT_EQ(Base64Encode(*bytes), text);
    }
  }
}

}  // namespace
}  // namespace granary
