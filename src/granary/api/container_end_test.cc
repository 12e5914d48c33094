#include "granary/api/container_end.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace granary::api {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

/// The same without blocks.
std::size_t EndByBytes(std::string_view text, std::size_t at) {
  bool in_string = false;
  for (std::size_t depth = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if ((c == ']' || c == '}') && --depth == 0) {
      return at + 1;
    }
  }
  return kNone;
}

TEST(ContainerEndTest, FindsTheEndAtEveryPlaceOfABlock) {
  for (std::size_t inside = 0; inside < 200; ++inside) {
    for (std::size_t before = 0; before < 70; before += 23) {
      const std::string text =
          std::string(before, ' ') + "[" + std::string(inside, '1') + "]" + std::string(80, ']');
      EXPECT_EQ(ContainerEnd(text, before), before + inside + 2);
    }
  }
}

TEST(ContainerEndTest, SaysWhenThereIsNone) {
  for (std::size_t bytes = 1; bytes < 200; ++bytes) {
    EXPECT_EQ(ContainerEnd("[" + std::string(bytes, '1'), 0), kNone) << bytes;
    EXPECT_EQ(ContainerEnd("[\"" + std::string(bytes, ']'), 0), kNone) << bytes;
    EXPECT_EQ(ContainerEnd("[\"" + std::string(bytes, ']') + "\\", 0), kNone) << bytes;
  }
}

TEST(ContainerEndTest, IsWhereReadingByBytesFindsIt) {
  const std::uint64_t seed = 11;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  // Few kinds of bytes, so that there is much to meet; with escapes and without.
  for (const std::string_view alphabet : {"[]{}\"\\a;[", "[[[{\"a  1", "[]{}\"aaaaaaa,:"}) {
    for (int round = 0; round < 20'000; ++round) {
      std::string text = "[";
      const std::size_t bytes = random() % 300;
      while (text.size() < bytes) text += alphabet[random() % alphabet.size()];
      ASSERT_EQ(ContainerEnd(text, 0), EndByBytes(text, 0)) << text;
    }
  }
}

TEST(ContainerEndTest, KnowsBracketsFromAllOtherBytes) {
  for (int c = 0; c < 256; ++c) {
    if (c == '[' || c == '{' || c == ']' || c == '}' || c == '"' || c == '\\') continue;
    const std::string text = "[" + std::string(100, static_cast<char>(c)) + "]";
    EXPECT_EQ(ContainerEnd(text, 0), text.size()) << c;
  }
}

}  // namespace
}  // namespace granary::api
