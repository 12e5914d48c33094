#include "granary/api/json_node.h"

#include <gtest/gtest.h>

namespace granary::api {
namespace {

constexpr std::size_t kDepth = 64;

std::string Nested(std::size_t depth) {
  return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
}

TEST(JsonNodeTest, KeepsNumbersAsText) {
  const std::string text =
      R"({"a":[9007199254740993,-0.10,1E+5,0],"b":{"c":"\u00e9\n","d":null,"e":true}})";
  const auto node = ParseJsonObject(text, kDepth);
  ASSERT_TRUE(node.ok()) << node.status().ToString();
  std::string out;
  AppendJson(*node, out);
  EXPECT_EQ(out,
            "{\"a\":[9007199254740993,-0.10,1E+5,0],\"b\":{\"c\":\"\xc3\xa9\\n\",\"d\":null,\"e\":"
            "true}}");
}

TEST(JsonNodeTest, RefusesWhatIsNotJson) {
  for (const char* bad : {"",
                          "  ",
                          "{",
                          "}",
                          "{\"a\":}",
                          "{\"a\":1,}",
                          "{\"a\" 1}",
                          "{a:1}",
                          "{'a':1}",
                          "{\"a\":01}",
                          "{\"a\":1.}",
                          "{\"a\":.5}",
                          "{\"a\":+1}",
                          "{\"a\":1e}",
                          "{\"a\":-}",
                          "{\"a\":nul}",
                          "{\"a\":NaN}",
                          "{\"a\":truex}",
                          "{\"a\":[1,]}",
                          "{\"a\":[1 2]}",
                          "{\"a\":\"\\x\"}",
                          "{\"a\":\"\\ud800\"}",
                          "{\"a\":\"\xff\"}",
                          "{\"a\":\"x\ny\"}",
                          "{\"a\":1}}",
                          "{\"a\":1} x",
                          "{\"a\":1}{}",
                          "{\"a\":[}",
                          "{\"a\":1]",
                          "abc",
                          "{\"a\":\"x}",
                          "{\"a\":1 \"b\":2}",
                          "{,}"}) {
    const auto node = ParseJsonObject(bad, kDepth);
    EXPECT_EQ(node.status().code(), Code::kInvalidJson) << bad << ": " << node.status().ToString();
  }
}

TEST(JsonNodeTest, RefusesOtherThanAnObject) {
  for (const char* bad : {"[]", "1", "\"x\"", "null", "[{}]"}) {
    const Code code = ParseJsonObject(bad, kDepth).status().code();
    EXPECT_TRUE(code == Code::kInvalidRequest || code == Code::kInvalidJson) << bad;
  }
  EXPECT_EQ(ParseJsonObject("[]", kDepth).status().code(), Code::kInvalidRequest);
}

TEST(JsonNodeTest, LimitsTheDepth) {
  EXPECT_TRUE(ParseJsonObject(Nested(63), kDepth).ok());
  EXPECT_TRUE(ParseJsonObject(Nested(64), kDepth).ok());
  EXPECT_EQ(ParseJsonObject(Nested(65), kDepth).status().code(), Code::kInvalidJson);
  EXPECT_EQ(ParseJsonObject(Nested(100'000), kDepth).status().code(), Code::kInvalidJson);
  EXPECT_EQ(ParseJsonObject("{\"a\":" + std::string(1'000'000, '['), kDepth).status().code(),
            Code::kInvalidJson);
}

TEST(JsonNodeTest, LimitsTheNumberOfValues) {
  std::string many = "{\"a\":[0";
  for (std::size_t i = 0; i < kNodesMax; ++i) many += ",0";
  EXPECT_EQ(ParseJsonObject(many + "]}", kDepth).status().code(), Code::kTooLarge);
}

TEST(JsonNodeTest, RefusesAMemberThatIsGivenTwice) {
  const auto status = ParseJsonObject(R"({"x":[{"a/b":1,"c":2,"a/b":3}]})", kDepth).status();
  ASSERT_EQ(status.code(), Code::kInvalidRequest);
  EXPECT_EQ(status.fields()[0].pointer, "/x/0/a~1b");
  std::string many = "{";
  for (int i = 0; i < 20; ++i) many += "\"m" + std::to_string(i) + "\":1,";
  EXPECT_TRUE(ParseJsonObject(many + "\"x\":1}", kDepth).ok());
  EXPECT_EQ(ParseJsonObject(many + "\"m3\":1}", kDepth).status().fields().at(0).pointer, "/m3");
}

TEST(JsonNodeTest, EscapesPointers) {
  EXPECT_EQ(PointerTo("/a", std::string_view("x/y~z")), "/a/x~1y~0z");
}

}  // namespace
}  // namespace granary::api
