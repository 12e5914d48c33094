#include "granary/json/minified_text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace granary::json {
namespace {

std::string Value(std::string_view text) {
  const char* behind = SkipValue(text.data(), text.data() + text.size());
  return behind == nullptr ? "none" : std::string(text.data(), behind);
}

TEST(MinifiedTextTest, StepsOverEveryKindOfValue) {
  for (const std::string_view value :
       {"1", "-1.5e3", "true", "null", R"("a\"b\\")", R"("\\")", "[]", "{}", R"([1,{"a":"]}"},[]])",
        R"({"a":{"b":"}"},"c":[1]})"}) {
    EXPECT_EQ(Value(std::string(value) + ",next"), value);
    EXPECT_EQ(Value(std::string(value) + "}"), value);
  }
  EXPECT_EQ(Value("12"), "12");
}

TEST(MinifiedTextTest, StaysInsideWhatIsNoText) {
  for (const std::string_view text : {"", ",", "\"open", "\"open\\\"", "{\"a\":1", "[[1]", "]"})
    EXPECT_EQ(Value(text), "none");
}

std::vector<std::string> Members(std::string_view text, bool& whole) {
  std::vector<std::string> found;
  const char* end = text.data() + text.size();
  MemberWalk walk(text.data() + 1, end);
  while (walk.Next()) {
    const char* behind = SkipValue(walk.value(), end);
    if (behind == nullptr) break;
    found.push_back(std::string(walk.key()) + "=" + std::string(walk.value(), behind));
    walk.Leave(behind);
  }
  whole = walk.at() == end;
  return found;
}

TEST(MinifiedTextTest, WalksMembers) {
  bool whole = false;
  EXPECT_EQ(Members(R"({"a":1,"":{"x":2},"q\"":[3]})", whole),
            (std::vector<std::string>{"a=1", R"(={"x":2})", R"(q\"=[3])"}));
  EXPECT_TRUE(whole);
  EXPECT_TRUE(Members("{}", whole).empty());
  EXPECT_TRUE(whole);
  for (const std::string_view cut :
       {R"({"a":1,)", R"({"a":1)", R"({"a":)", R"({"a")", R"({"a)", "{", R"({1})"}) {
    (void)Members(cut, whole);
    EXPECT_FALSE(whole) << cut;
  }
}

}  // namespace
}  // namespace granary::json
